*** Settings ***
Documentation       Whatever comes over the line, the firmware names what is wrong and answers the next good request.
Resource            firmware.resource
Suite Setup         Open Target
Suite Teardown      Close Target
Test Teardown       The Next Good Request Is Answered


*** Variables ***
${LONGER_THAN_ANY_BUFFER_BYTES}    10_000


*** Test Cases ***
A Flipped Bit In The Pixels
    ${frame}=    Request Frame
    ${damaged}=    Flip Bit    ${frame}    ${3001}
    Send Raw Bytes    ${damaged}
    Error Should Be    BAD_CHECKSUM

A Frame That Lost Its Second Half
    ${frame}=    Request Frame
    Send Raw Bytes    ${frame[:400]}
    Send Raw Bytes    00
    Error Should Be    BAD_CHECKSUM

A Frame That Is Cut Inside A Block
    Send Raw Bytes    09 01 02 00
    Error Should Be    FRAME_MALFORMED

A Frame That Is Too Long
    Send Raw Bytes    ${{ b'\\x01' * ${LONGER_THAN_ANY_BUFFER_BYTES} }}
    Send Raw Bytes    00
    Error Should Be    FRAME_TOO_LONG    timeout_seconds=20

Garbage Before A Good Request
    ${frame}=    Request Frame    digit=4
    Send Raw Bytes    de ad be ef 00
    Error Should Be    FRAME_MALFORMED
    Send Raw Bytes    ${frame}
    Reply Should Be Class    4

A Well-Formed Frame That Is No Message
    ${frame}=    Frame Of    ${{ b'no flatbuffer at all' }}
    Send Raw Bytes    ${frame}
    Error Should Be    NOT_A_FLATBUFFER

A Picture With A Pixel Too Few
    ${frame}=    Pixels Request Frame    count=783
    Send Raw Bytes    ${frame}
    Error Should Be    WRONG_SIZE

An Inference Of Nothing
    ${frame}=    Command Frame    command=1
    Send Raw Bytes    ${frame}
    Error Should Be    WRONG_SIZE

Pixels That Are No Numbers
    ${frame}=    Reals Request Frame    value=nan
    Send Raw Bytes    ${frame}
    Error Should Be    BAD_VALUE

A Command That Is No Request
    ${frame}=    Command Frame    command=99
    Send Raw Bytes    ${frame}
    Error Should Be    UNKNOWN_COMMAND

A Request While Another Is Under Way
    ${first}=    Request Frame    digit=2
    ${second}=    Stats Request Frame    number=${77}
    Send Raw Bytes    ${{ $first + $second }}
    Reply Should Be Class    2
    Error Should Be    BUSY

Empty Frames Are Not Worth An Answer
    Send Raw Bytes    00 00 00
    No Reply Should Come    within_seconds=0.5


*** Keywords ***
The Next Good Request Is Answered
    Classify Digit    7
    Class Should Be    7
