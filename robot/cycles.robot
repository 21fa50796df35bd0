*** Settings ***
Documentation       What an inference may cost: the budgets of budgets.toml, instruction by instruction.
Resource            firmware.resource
Suite Setup         Open Target
Suite Teardown      Close Target
Test Tags           needs-instruction-counts


*** Test Cases ***
An Inference Stays Within Its Budget
    Classify Digit    7
    Classify Digit    7
    Instructions Should Be Within Budget

The Same Digit Costs The Same Instructions After A Reset
    Target Should Count Instructions
    ${before}=    Classify Digit    4
    Reset Target
    ${after}=    Classify Digit    4
    ${apart}=    Evaluate    abs($before.inference.counter - $after.inference.counter)
    Should Be True    ${apart} < ${before.target.counter_step}
