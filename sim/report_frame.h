// sim/report_frame.h -- what all charts of the report have in common: headings, legend, axes, grid, and the faults
// behind.
//
//     heading                                     (only of a picture that stands alone)
//     unit      [] legend  [] legend              as many rows as it takes
//        west cut from east      n3 down          names of spans, where there is room
//     100 % |      ##########       ####
//           |      ##########       ####          the plot
//       0 % +------------------------------
//           0     10 s    20 s    30 s
//
// Charts with the same Look have their plots at the same place, so times stand one below the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/digest.h"
#include "sim/recording.h"
#include "sim/svg.h"
#include "sim/ticks.h"

namespace kith::sim {

inline constexpr double kFontSize = 12;

// Every chart is drawn twice, for pages and for phones; CSS shows one of the two.
struct Look {
  double width = 920;
  double margin_left = 82, margin_right = 18;
  bool narrow = false;
  double plot_width() const { return width - margin_left - margin_right; }
};
inline constexpr Look kWide{};
inline constexpr Look kNarrow{.width = 380, .margin_left = 58, .margin_right = 12, .narrow = true};

struct LegendItem {
  enum class Sign : std::uint8_t { kBox, kLine, kFault, kNone } sign = Sign::kBox;
  std::string css_class;                       // Of the sign; kFault: "cut", ...
  std::string text;
};

struct FrameSpec {
  std::string label;                           // For screen readers.
  std::string heading, subheading;             // Of a picture that stands alone.
  std::string unit;                            // What goes upwards.
  std::vector<LegendItem> legend;
  double plot_height = 180;
  std::vector<Tick> y_ticks;  // The first is the low end, the last the high one; empty: no axis upwards.
  std::vector<Tick> x_ticks;                   // Logarithmic, from the first to the last; empty: an axis of time.
  enum class Faults : std::uint8_t { kShaded, kNamed, kNone } faults = Faults::kShaded;   // kNamed: only a bar on top.
  std::string x_unit;                          // What goes to the right; empty: not said.
};

class Frame {
 public:
  // Draws all but the data.  With an axis of time, spans are shaded.
  Frame(const Look& look, const FrameSpec& spec, const Recording& recording, const Digest& digest);

  // Where spans begin and end, over data that hides the shades; nothing when there are too many.
  void mark_edges(const Recording& recording);

  Svg svg;
  Box plot;
  Scale x, y;

 private:
  Frame(const Look& look, const FrameSpec& spec, const Recording& recording, const Digest& digest, double head_height,
        std::size_t name_rows);
};

// Kinds of span that there are, in their order.
std::vector<Recording::Span::Kind> kinds_of(const Recording& recording);
// The part of the axis of time that a span takes, at least a pixel wide; {0, 0} when it is beside.
Box extent_of(const Recording::Span& span, const Scale& x, const Box& plot);

}  // namespace kith::sim
