*** Settings ***
Documentation       The text console of the article, on the second UART.
Resource            firmware.resource
Suite Setup         Open A Target With A Console
Suite Teardown      Close Target
Test Tags           needs-console


*** Test Cases ***
The Boot Line Names The Clock
    Reset Target
    Console Should Say    Program started @ \\d+\\.\\.\\.

Command 1 Prints The Model
    Write Console Line    CMD=1
    Console Should Say    Received: CMD=1
    Console Should Say    Model: ${MODEL_NAME}, sha256 [0-9a-f]{64}
    FOR    ${tensor}    IN    @{INPUTS}
        Console Should Say    Input.*: ${tensor}(, scale .*)?
    END
    FOR    ${tensor}    IN    @{OUTPUTS}
        Console Should Say    Output.*: ${tensor}(, scale .*)?
    END

Command 2 Runs The Built-In Digit
    [Tags]    needs-digits
    [Setup]    Network Should Take Digits
    Write Console Line    CMD=2
    Console Should Say    Running inference\\.\\.\\.
    Console Should Say    Done in \\d+\\.\\d+ msec\\.\\.\\.
    FOR    ${class}    IN RANGE    10
        Console Should Say    Out\\[${class}\\]: \\d\\.\\d+
    END

Check Of The Image
    Write Console Line    CMD=3
    Console Should Say    Image: as built, CRC-32 0x[0-9a-f]{8} of \\d+ B in \\d+\\.\\d+ msec, .*

Help Lists The Commands
    Write Console Line    HELP
    Console Should Say    .*CMD=1.*

An Unknown Command Gets An Answer
    Write Console Line    CMD=9
    Console Should Say    (?i).*unknown.*

A Line That Is Too Long Gets An Answer
    ${line}=    Evaluate    'x' * 500
    Write Console Line    ${line}
    Console Should Say    The line is longer than \\d+ .*


*** Keywords ***
Open A Target With A Console
    Open Target
    Target Should Have A Console
    ${identity}=    Firmware Identity
    VAR    ${MODEL_NAME}    ${{ re.escape($identity.model_name) }}    scope=SUITE
    VAR    @{INPUTS}    @{{ [f"{t.dtype} {'x'.join(map(str, t.shape)) or 'scalar'}" for t in $identity.inputs] }}
    ...    scope=SUITE
    VAR    @{OUTPUTS}    @{{ [f"{t.dtype} {'x'.join(map(str, t.shape)) or 'scalar'}" for t in $identity.outputs] }}
    ...    scope=SUITE
