*** Settings ***
Documentation       An emulated chip is the STM32F746 of RM0385: its memories end where silicon's do, its clock, its
...                 counter and its UARTs are there, and nothing has to be fetched to start it.
Library             OperatingSystem
Resource            firmware.resource
Suite Setup         Open Target Without A Network
Suite Teardown      Close Target
Test Tags           needs-emulator


*** Variables ***
${NO_SUCH_PROXY}    http://127.0.0.1:9


*** Test Cases ***
Starting Fetches Nothing And Meets Nothing Unknown
    Target Should Have Nothing To Say

Memories Have The Sizes Of Silicon
    [Setup]    Memory Should Be Reachable
    [Template]    Memory Should Have Size
    # first address    KiB
    ${0x00000000}      ${16}      # ITCM-RAM
    ${0x00200000}      ${1024}    # flash on the ITCM bus
    ${0x08000000}      ${1024}    # flash
    ${0x20000000}      ${320}     # DTCM-RAM, SRAM1, SRAM2

Flash Is One Memory On Two Buses
    Memories Should Be One    ${0x08000000}    ${0x00200000}    size_kib=1024

The Core Executes An Instruction A Cycle
    ${identity}=    Firmware Identity
    ${microseconds}=    Start Inferring
    ${stretch}=    Run For    ${microseconds}
    Should Be Equal As Integers    ${stretch.instructions}
    ...    ${{ round($stretch.microseconds * $identity.freq_hz / 1e6) }}
    [Teardown]    Reset Target

The Cycle Counter Counts Instructions
    ${record}=    Infer
    ${microseconds}=    Start Inferring
    ${stretch}=    Run For    ${microseconds}
    ${apart}=    Evaluate    abs($stretch.cyccnt - $stretch.instructions)
    Should Be True    ${apart} < ${record.target.counter_step}
    [Teardown]    Reset Target

The Article's UART 7 Carries The Binary Line
    [Setup]    The Image Should Be Ours To Build
    ${wanted}=    Infer
    Open Target    board=article
    Infer
    Output Should Equal    ${wanted}
    [Teardown]    Open Target


*** Keywords ***
The Image Should Be Ours To Build
    Target Should Be An Emulator
    Skip If    $ELF    the given ELF is wired for one board

Open Target Without A Network
    [Documentation]    Whatever wants to fetch something has to ask a proxy that is not there.
    VAR    @{asked}    http_proxy    https_proxy    all_proxy
    FOR    ${name}    IN    @{asked}
        Set Environment Variable    ${name}    ${NO_SUCH_PROXY}
    END
    Open Target
    [Teardown]    Remove Environment Variable    @{asked}
