*** Settings ***
Documentation       What `motions_int8.tflite` must do, wherever it runs: on data that no training has seen, as on the
...                 PC to the bit, and within what it may take.
...                 renode-mnist test --model models/motions/motions_int8.tflite --suite models/motions/motions.robot
Library             renode_mnist.robot
Suite Setup         Open Target
Suite Teardown      Close Target


*** Variables ***
${RECORDINGS}       ${CURDIR}/test.npz
${NAMES}            ${CURDIR}/labels.txt


*** Test Cases ***
An Activity Is Recognised
    [Template]    Recording Is Classified As
    # sample    activity
    0           Standing
    10          Running
    20          Walking
    30          Badminton

It Is Right As Often As On The PC
    Accuracy Should Be At Least    0.975    ${RECORDINGS}

It Answers As LiteRT Does
    Golden Vectors Should Match    ${CURDIR}/golden_int8.npz

It Is Fast
    [Tags]    needs-instruction-counts
    Infer    ${RECORDINGS}    sample=20
    Instructions Should Not Exceed    85_000
    Layer Instructions Should Not Exceed    CONV_2D    52_000

It Is Small
    Infer    ${RECORDINGS}    sample=20
    Memory Should Not Exceed    flash_bytes=31_500    ram_bytes=11_000


*** Keywords ***
Recording Is Classified As
    [Arguments]    ${sample}    ${activity}
    Infer    ${RECORDINGS}    sample=${sample}
    Class Should Be    ${activity}    labels=${NAMES}
    Scores Should Sum To One
