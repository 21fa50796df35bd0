*** Settings ***
Documentation       Whatever comes over the line, the firmware names what is wrong and answers the next good request.
Resource            firmware.resource
Suite Setup         Open Target And Remember What It Answers
Suite Teardown      Close Target
Test Teardown       The Next Good Request Is Answered


*** Variables ***
${NO_SUCH_TENSOR}       ${1000}
${NO_SUCH_COMMAND}      ${99}


*** Test Cases ***
A Piece Of An Input Is Acknowledged
    ${frame}=    Write Frame
    Send Raw Bytes    ${frame}
    Reply Should Be    input

A Flipped Bit In A Piece
    ${frame}=    Write Frame
    ${damaged}=    Flip Bit    ${frame}
    Send Raw Bytes    ${damaged}
    Error Should Be    BAD_CHECKSUM

A Frame That Lost Its Second Half
    ${frame}=    Write Frame
    ${part}=    First Part Of    ${frame}
    Send Raw Bytes    ${part}
    Send Raw Bytes    00
    Error Should Be    BAD_CHECKSUM

A Frame That Is Cut Inside A Block
    Send Raw Bytes    09 01 02 00
    Error Should Be    FRAME_MALFORMED

A Frame That Is Too Long
    ${identity}=    Firmware Identity
    Send Raw Bytes    ${{ b'\\x01' * (2 * $identity.max_payload_bytes + 100) }}
    Send Raw Bytes    00
    Error Should Be    FRAME_TOO_LONG    timeout_seconds=20

Garbage Before A Good Request
    ${frame}=    Write Frame
    Send Raw Bytes    de ad be ef 00
    Error Should Be    FRAME_MALFORMED
    Send Raw Bytes    ${frame}
    Reply Should Be    input

A Well-Formed Frame That Is No Message
    ${frame}=    Frame Of    ${{ b'no flatbuffer at all' }}
    Send Raw Bytes    ${frame}
    Error Should Be    NOT_A_FLATBUFFER

An Input That The Model Has Not
    ${frame}=    Write Frame    index=${NO_SUCH_TENSOR}    content=${{ b'12345678' }}
    Send Raw Bytes    ${frame}
    Error Should Be    WRONG_SIZE

A Piece Beyond The End Of Its Input
    ${identity}=    Firmware Identity
    ${frame}=    Write Frame    offset=${identity.inputs[0].byte_count}    content=${{ b'12345678' }}
    Send Raw Bytes    ${frame}
    Error Should Be    WRONG_SIZE

An Inference Before Its Inputs Are Whole
    ${frame}=    Run Frame
    Send Raw Bytes    ${frame}
    Error Should Be    OUT_OF_ORDER

An Output That The Model Has Not
    ${frame}=    Read Frame    index=${NO_SUCH_TENSOR}
    Send Raw Bytes    ${frame}
    Error Should Be    WRONG_SIZE

An Output Once An Input Was Written Again
    ${identity}=    Firmware Identity
    Write Inputs
    ${frame}=    Read Frame    count=${identity.outputs[0].dtype.itemsize}
    Send Raw Bytes    ${frame}
    Error Should Be    OUT_OF_ORDER

An Inference Of Nothing
    ${frame}=    Command Frame    command=1
    Send Raw Bytes    ${frame}
    Error Should Be    WRONG_SIZE

Numbers That Are None
    ${frame}=    Not A Number Frame
    Send Raw Bytes    ${frame}
    Error Should Be    BAD_VALUE

A Command That Is No Request
    ${frame}=    Command Frame    command=${NO_SUCH_COMMAND}
    Send Raw Bytes    ${frame}
    Error Should Be    UNKNOWN_COMMAND

A Request While Another Is Under Way
    ${first}=    Run Frame
    ${second}=    Stats Request Frame    number=${77}
    Write Inputs
    Send Raw Bytes    ${{ $first + $second }}
    Reply Should Be    run
    Error Should Be    BUSY

The Same Request Again Gets Its Answer Again
    ${frame}=    Run Frame
    Write Inputs
    Send Raw Bytes    ${frame}
    ${answer}=    Reply Should Be    run
    Send Raw Bytes    ${frame}
    ${again}=    Reply Should Be    run
    Should Be Equal    ${answer}    ${again}

Empty Frames Are Not Worth An Answer
    Send Raw Bytes    00 00 00
    No Reply Should Come    within_seconds=0.5

A Picture In One Frame
    [Tags]    needs-digits
    ${frame}=    Pixels Request Frame    digit=4
    Send Raw Bytes    ${frame}
    Reply Should Be Class    4

A Picture With A Pixel Too Few
    [Tags]    needs-digits
    ${frame}=    Pixels Request Frame    count=783
    Send Raw Bytes    ${frame}
    Error Should Be    WRONG_SIZE


*** Keywords ***
Open Target And Remember What It Answers
    Open Target
    ${answer}=    Infer
    VAR    ${ANSWER}    ${answer}    scope=SUITE

The Next Good Request Is Answered
    Reset State
    Infer
    Output Should Equal    ${ANSWER}
