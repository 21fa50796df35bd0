*** Settings ***
Documentation       A reset, whenever it comes, loses only what was not answered yet.
Resource            firmware.resource
Suite Setup         Open Target
Suite Teardown      Close Target
Test Setup          Remember What The Target Answers
Test Teardown       The Target Answers As Before


*** Variables ***
${BIT_SECONDS}      ${{ 1 / 115200 }}


*** Test Cases ***
A Reset In The Middle Of A Request
    ${frame}=    Write Frame
    VAR    ${half}    ${{ len($frame) // 2 }}
    Send Raw Bytes    ${frame[:${half}]}
    Let Time Pass    ${{ $half / 2 * 10 * $BIT_SECONDS }}
    Reset Target
    No Reply Should Come

A Reset During An Inference
    ${frame}=    Run Frame
    Write Inputs
    Send Raw Bytes    ${frame}
    Let Time Pass    ${{ len($frame) * 10 * $BIT_SECONDS + $answer.inference.timer_ms / 1000 / 2 }}
    Reset Target
    No Reply Should Come

A Reset During A Reply
    ${frame}=    Stats Request Frame
    Send Raw Bytes    ${frame}
    Let Time Pass    ${{ (len($frame) + 100) * 10 * $BIT_SECONDS }}
    Reset Target
    No Reply Should Come

A Reset After A Reset
    Reset Target
    Reset Target
    No Reply Should Come


*** Keywords ***
Remember What The Target Answers
    Reset State
    ${answer}=    Infer
    VAR    ${answer}    ${answer}    scope=TEST

The Target Answers As Before
    ${identity}=    Firmware Identity
    Should Be Equal    ${identity.build_id}    ${answer.firmware.build_id}
    Infer
    Output Should Equal    ${answer}
