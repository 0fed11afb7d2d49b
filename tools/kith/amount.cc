#include "tools/kith/amount.h"

#include <charconv>

#include "node/view/text.h"

namespace kith::tools {

std::variant<std::int64_t, AmountError> parse_amount(std::string_view text) {
  const std::string shown = "\"" + escaped(text.substr(0, 40)) + "\"";
  if (text.empty()) return AmountError{"the amount is empty: give a whole number, as in 5 or -5"};
  if (text.find_first_of(" \t\r\n") != text.npos) return AmountError{"the amount " + shown + " has a space in it"};
  const std::string_view digits = text.substr(text[0] == '-' ? 1 : 0);
  if (text[0] == '+' && text.find_first_not_of("0123456789", 1) == text.npos && text.size() > 1) {
    return AmountError{"the amount " + shown + " has a plus sign: leave it out"};
  }
  if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) {
    return AmountError{"the amount " + shown + " is no whole number: give digits only, as in 5 or -5"};
  }
  if (digits.find_first_not_of('0') == digits.npos) return AmountError{"an increment of 0 changes nothing"};
  if (digits[0] == '0') return AmountError{"the amount " + shown + " begins with a zero: leave it out"};
  std::int64_t amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return AmountError{"the amount " + shown + " is beyond 64 bits: " + std::to_string(INT64_MIN) + " to " +
                       std::to_string(INT64_MAX)};
  }
  return amount;
}

}  // namespace kith::tools
