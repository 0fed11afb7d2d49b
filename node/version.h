// node/version.h -- the version of Kith, as CMakeLists.txt has it.
#pragma once

#include <string_view>

namespace kith {

inline constexpr std::string_view kVersion = KITH_VERSION;

}  // namespace kith
