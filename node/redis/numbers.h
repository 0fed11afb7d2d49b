// node/redis/numbers.h -- integers as Redis reads them: no sign but '-', no space, no zero in front, nothing behind.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kith::redis {

// "12", "-7", "0".  Nothing for "+1", " 1", "01", "-0", "1e3", "" and whatever 64 bits cannot hold.
std::optional<std::int64_t> parse_integer(std::string_view text);

}  // namespace kith::redis
