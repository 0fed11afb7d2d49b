// tools/kith/amount.h -- how much to add to a counter, read from a command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace kith::tools {

struct AmountError {
  std::string message;
};

// Decimal digits, perhaps behind a minus sign; not 0, within 64 bits.  Spelled as the number is and no other way, so that
// what was mistyped (1e3, 1,000, 0x10, 010) is asked about and never guessed.
std::variant<std::int64_t, AmountError> parse_amount(std::string_view text);

}  // namespace kith::tools
