*** Settings ***
Documentation       An image says what it is, so that no figure stands without its origin.
Resource            firmware.resource
Suite Setup         Open Target
Suite Teardown      Close Target


*** Test Cases ***
The Firmware Names Its Origin
    ${identity}=    Firmware Identity
    Should Be Equal As Integers    ${identity.protocol_version}    103
    Should Match Regexp    ${identity.commit}    ^(v[^ ]+|[0-9a-f]{7,40}\\+?)$
    Should Not Be Empty    ${identity.compiler}
    Should Not Be Empty    ${identity.flags}
    Should Match Regexp    ${identity.build_id}    ^[0-9a-f]{40}$
    Should Match Regexp    ${identity.model_sha256}    ^[0-9a-f]{64}$

The Firmware Accounts For Its Memory
    ${identity}=    Firmware Identity
    Skip If    ${identity.flash_bytes} == 0    a PC has no flash, RAM and stack to account for
    Should Be True    0 <= ${identity.weights_bytes} < ${identity.flash_bytes} <= 1024 * 1024
    Should Be True    0 < ${identity.arena_bytes} + ${identity.wire_bytes} <= ${identity.ram_static_bytes}
    Should Be True    0 < ${identity.stack_used_bytes} < ${identity.stack_bytes}
    Should Be True    ${identity.ram_static_bytes} + ${identity.stack_bytes} <= 320 * 1024

The Identity Survives A Reset
    ${before}=    Firmware Identity
    Reset Target
    ${after}=    Firmware Identity
    Should Be Equal    ${before.build_id}    ${after.build_id}
