// tests/fuzz/resp_values.h -- whether bytes are whole values of RESP2 or RESP3, one behind the other, as a client reads them.
#pragma once

#include <string_view>

namespace kith::fuzz {

bool readable_values(std::string_view bytes);

}  // namespace kith::fuzz
