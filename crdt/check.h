// crdt/check.h -- assertions that stay on in release: our own bug must stop before wrong state spreads.
//
//     KITH_CHECK(end >= begin, "feed runs backwards", begin, end);
//
// Prints the expression, the place, the sentence and the values, then aborts.  Never used on a stranger's bytes.
#pragma once

#include <sstream>
#include <string>

namespace kith {

[[noreturn]] void check_failed(const char* file, int line, const char* expression, const std::string& details);

template <class... Values>
std::string check_details(const char* sentence, const Values&... values) {
  std::ostringstream out;
  out << sentence;
  ((out << " [" << values << "]"), ...);
  return out.str();
}

}  // namespace kith

#define KITH_CHECK(condition, ...)                                                                         \
  do {                                                                                                     \
    if (!(condition)) [[unlikely]]                                                                         \
      ::kith::check_failed(__FILE__, __LINE__, #condition, ::kith::check_details(__VA_ARGS__));            \
  } while (false)
