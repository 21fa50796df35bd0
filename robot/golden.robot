*** Settings ***
Documentation       The firmware answers as the PC does: to golden vectors, which `renode-mnist golden` makes.
Resource            firmware.resource
Suite Setup         Open A Target For Golden Vectors
Suite Teardown      Close Target
Test Tags           needs-golden-vectors


*** Test Cases ***
Every Golden Vector Gets Its Answer
    Golden Vectors Should Match    ${GOLDEN}


*** Keywords ***
Open A Target For Golden Vectors
    Skip If    not $GOLDEN    no golden vectors are given (--golden FILE)
    Open Target
