// sim/report_style.h -- the looks of the report: classes of the drawings, and of the page around them.
//
// Colours are those of Okabe and Ito, darker on light and lighter on dark ground; each comes with a second sign: a
// hatch for kinds of fault, a dash for lines, a mark for distributions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sim/recording.h"

namespace kith::sim {

std::string_view drawing_style();    // CSS for drawings; for light and dark.
std::string_view page_style();       // CSS for what is around them.
std::string_view hatches();          // <defs> that drawing_style() refers to; once a document.

// "cut", "down", ...: in classes ("k-cut", "h-cut").
std::string_view kind_class(Recording::Span::Kind kind);
// For people: "links cut", "machine down".
std::string_view kind_words(Recording::Span::Kind kind);
// "s0" .. with a dash once the colours are used up.
std::string series_class(std::size_t index);

}  // namespace kith::sim
