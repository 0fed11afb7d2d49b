// node/redis/glob.h -- patterns of KEYS, SCAN and their kin: * ? [a-z] [^a] and \ before what is meant literally.
//
// At most |pattern| * |text| steps, never more: of several stars only the last is gone back to, since what an earlier one
// could take instead, the last one can take as well.  Bytes, not characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kith::redis {

// `steps` is raised by what it cost, so that who matches many names can end in time.
bool glob_matches(std::string_view pattern, std::string_view text, std::uint64_t& steps);

// What every match begins with: the literal bytes before the first wildcard.
std::string glob_prefix(std::string_view pattern);

}  // namespace kith::redis
