*** Settings ***
Documentation       The sample digits are classified as what they are, by scores that make sense.
Resource            firmware.resource
Suite Setup         Open A Target For Digits
Suite Teardown      Close Target
Test Tags           needs-digits
Test Template       Digit Is Classified As Itself


*** Test Cases ***    DIGIT
Zero                  0
One                   1
Two                   2
Three                 3
Four                  4
Five                  5
Six                   6
Seven                 7
Eight                 8
Nine                  9

The Same Digit Twice Gives The Same Bytes
    [Template]    NONE
    ${first}=    Classify Digit    3
    Classify Digit    8
    Classify Digit    3
    Output Should Equal    ${first}

A Reset Changes No Answer
    [Template]    NONE
    ${first}=    Classify Digit    5
    Reset Target
    Classify Digit    5
    Output Should Equal    ${first}


*** Keywords ***
Open A Target For Digits
    Open Target
    Network Should Take Digits

Digit Is Classified As Itself
    [Arguments]    ${digit}
    Classify Digit    ${digit}
    Class Should Be    ${digit}
    Scores Should Sum To One
