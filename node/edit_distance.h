// node/edit_distance.h -- how many characters have to be put in, left out or exchanged to make one word the other (Levenshtein, 1965).
//
// Of words that were typed wrong: takes time in proportion to the product of their lengths.
// Tests: through what was probably meant, tests/view/text_test.cc and tests/node/config_test.cc
#pragma once

#include <cstddef>
#include <string_view>

namespace kith {

std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace kith
