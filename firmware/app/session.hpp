// Requests and their answers: every event of the receiver is answered by exactly one message.
#pragma once

#include "receiver.hpp"

namespace app::session {

void answer(const Event& event);

}  // namespace app::session
