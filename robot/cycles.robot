*** Settings ***
Documentation       What an inference may cost: the budgets of budgets.toml, instruction by instruction.
Resource            firmware.resource
Suite Setup         Open Target
Suite Teardown      Close Target
Test Tags           needs-instruction-counts


*** Test Cases ***
An Inference Stays Within Its Budget
    Infer
    Infer
    Instructions Should Be Within Budget

The Same Sample Costs The Same Instructions After A Reset
    Target Should Count Instructions
    ${before}=    Infer    seed=4
    Reset Target
    ${after}=    Infer    seed=4
    ${apart}=    Evaluate    abs($before.inference.counter - $after.inference.counter)
    Should Be True    ${apart} < ${before.target.counter_step}
