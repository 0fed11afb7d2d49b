// tests/sim/markup_check.h -- whether a page or a drawing is well-formed, and whether all its numbers are numbers.
#pragma once

#include <string>
#include <string_view>

namespace kith::test {

// What is wrong with it, with some text around; empty when nothing is.  Checked: tags are balanced (what HTML leaves
// open must be closed here too), attributes are quoted, named once and free of '<', every '&' begins an entity that XML
// knows, and no attribute of a drawing contains "nan" or "inf".
std::string fault_of_markup(std::string_view markup);

}  // namespace kith::test
