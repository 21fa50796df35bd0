*** Settings ***
Documentation       The firmware is right about labelled samples as often as is asked.
Resource            firmware.resource
Suite Setup         Open A Target For Labelled Data
Suite Teardown      Close Target
Test Tags           needs-labelled-data


*** Test Cases ***
As Many Samples Are Right As Are Asked
    Accuracy Should Be At Least    ${LEAST_ACCURACY}    ${DATA}    labels=${LABEL_KEY}


*** Keywords ***
Open A Target For Labelled Data
    Skip If    not $DATA    no labelled data is given (--data FILE --least-accuracy SHARE)
    Open Target
