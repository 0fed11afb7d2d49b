#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "sim/report_charts.h"
#include "sim/report_style.h"
#include "sim/words.h"

namespace kith::sim {
namespace {

const NodeFigures& figures_of(const SampleColumn& column, NodeFigure figure) {
  switch (figure) {
    case NodeFigure::kMessages: return column.messages_per_second;
    case NodeFigure::kStore: return column.store_bytes;
    case NodeFigure::kBytes: break;
  }
  return column.bytes_per_second;
}

double middle(const SampleColumn& column) {
  return (static_cast<double>(column.begin_us) + static_cast<double>(column.end_us)) / 2;
}

// A line through the middles of the columns; a value below zero interrupts it.
template <class ValueOf>
Path line_of(const Digest& digest, const Frame& frame, ValueOf value_of) {
  Path line;
  bool open = false;
  for (std::size_t i = 0; i < digest.samples.size(); ++i) {
    const double value = value_of(digest.samples[i]);
    if (value < 0) {
      open = false;
      continue;
    }
    const double at = frame.x(middle(digest.samples[i])), top = frame.y(value);
    if (open) line.line(at, top);
    else line.move(at, top).horizontal(at + 1);  // To be seen even when it is alone.
    open = true;
  }
  return line;
}

template <class HighOf, class LowOf>
Path band_of(const Digest& digest, const Frame& frame, HighOf high_of, LowOf low_of) {
  Path band;
  for (const SampleColumn& column : digest.samples) {
    if (band.empty()) band.move(frame.x(middle(column)), frame.y(high_of(column)));
    else band.line(frame.x(middle(column)), frame.y(high_of(column)));
  }
  for (std::size_t i = digest.samples.size(); i-- > 0;) {
    band.line(frame.x(middle(digest.samples[i])), frame.y(low_of(digest.samples[i])));
  }
  if (!band.empty()) band.close();
  return band;
}

struct HeatLevel {
  std::string_view css_class, text;
  std::uint16_t least;
};
constexpr std::array<HeatLevel, 3> kHeatLevels = {
    {{"v1", "2 contents", 2}, {"v2", "3 or 4", 3}, {"v3", "5 or more", 5}}};

std::size_t level_of(std::uint16_t distinct) {  // 0: equal.
  return distinct >= 5 ? 3 : distinct >= 3 ? 2 : distinct == 2 ? 1 : 0;
}

}  // namespace

std::string node_figure_chart(const Recording& recording, const Digest& digest, const Look& look, NodeFigure figure) {
  FrameSpec spec;
  const bool store = figure == NodeFigure::kStore, messages = figure == NodeFigure::kMessages;
  spec.unit = messages ? "messages/s per node" : store ? "bytes stored per node" : "bytes/s per node";
  spec.label = messages ? "Messages sent per second by each node, over time"
               : store  ? "Size of each node's store over time"
                        : "Bytes sent per second by each node, over time";
  double most = 0;
  for (const SampleColumn& column : digest.samples) most = std::max(most, figures_of(column, figure).max);
  spec.plot_height = 140;
  spec.y_ticks = linear_ticks(most, 3, messages ? Unit::kCount : Unit::kBytes);
  if (digest.nodes_apart) {
    for (std::size_t node = 0; node < recording.nodes.size(); ++node) {
      spec.legend.push_back(
          {LegendItem::Sign::kLine, series_class(node), fit_text(recording.nodes[node], 120, kFontSize)});
    }
  } else {
    spec.legend = {{LegendItem::Sign::kLine, "s1 d1", "the most"},
                   {LegendItem::Sign::kLine, "s0", "median"},
                   {LegendItem::Sign::kBox, "band", "8 of 10 nodes"}};
  }
  Frame frame(look, spec, recording, digest);
  if (digest.nodes_apart) {
    for (std::size_t node = 0; node < recording.nodes.size(); ++node) {
      frame.svg.path(line_of(digest, frame, [&](const SampleColumn& c) { return figures_of(c, figure).by_node[node]; }),
                     "line " + series_class(node), recording.nodes[node]);
    }
  } else {
    frame.svg.path(band_of(digest, frame, [&](const SampleColumn& c) { return figures_of(c, figure).high; },
                           [&](const SampleColumn& c) { return figures_of(c, figure).low; }), "band");
    frame.svg.path(line_of(digest, frame, [&](const SampleColumn& c) { return figures_of(c, figure).max; }),
                   "line s1 d1");
    frame.svg.path(line_of(digest, frame, [&](const SampleColumn& c) { return figures_of(c, figure).median; }),
                   "line s0");
  }
  return frame.svg.finish();
}

std::string total_chart(const Recording& recording, const Digest& digest, const Look& look) {
  FrameSpec spec;
  spec.label = "Bytes sent per second by all nodes together, over time";
  spec.unit = "bytes/s, all nodes together";
  double most = 0;
  for (const SampleColumn& column : digest.samples) most = std::max(most, column.bytes_per_second.total);
  spec.plot_height = 100;
  spec.y_ticks = linear_ticks(most, 2, Unit::kBytes);
  Frame frame(look, spec, recording, digest);
  const auto total = [](const SampleColumn& c) { return c.bytes_per_second.total; };
  frame.svg.path(band_of(digest, frame, total, [](const SampleColumn&) { return 0.0; }), "band");
  frame.svg.path(line_of(digest, frame, total), "line s0");
  return frame.svg.finish();
}

std::string contents_chart(const Recording& recording, const Digest& digest, const Look& look) {
  FrameSpec spec;
  spec.label = "Number of distinct contents among the nodes that are up, over time; 1 means equal";
  spec.unit = "distinct contents";
  std::uint32_t most = 1;
  for (const SampleColumn& column : digest.samples) most = std::max(most, column.distinct_contents);
  spec.plot_height = 90;
  spec.y_ticks = linear_ticks(std::max(3.0, static_cast<double>(most)), 3, Unit::kCount);
  spec.y_ticks.front() = {1, "1"};
  Frame frame(look, spec, recording, digest);
  Path area, edge;
  for (const SampleColumn& column : digest.samples) {
    const double x0 = frame.x(static_cast<double>(column.begin_us)), x1 = frame.x(static_cast<double>(column.end_us));
    const double top = frame.y(std::max(1.0, static_cast<double>(column.distinct_contents)));
    if (area.empty()) area.move(x0, frame.y(1));
    if (edge.empty()) edge.move(x0, top);
    area.vertical(top).horizontal(x1);
    edge.vertical(top).horizontal(x1);
  }
  if (!area.empty()) area.vertical(frame.y(1)).close();
  frame.svg.path(area, "band");
  frame.svg.path(edge, "line s0");
  return frame.svg.finish();
}

std::string bucket_chart(const Recording& recording, const Digest& digest, const Look& look) {
  FrameSpec spec;
  spec.label = "Distinct contents in each of the 256 fingerprint buckets, over time";
  spec.unit = "bucket";
  spec.legend.push_back({LegendItem::Sign::kNone, "", "blank: equal"});
  for (const HeatLevel& level : kHeatLevels) {
    spec.legend.push_back({LegendItem::Sign::kBox, "f" + std::string(level.css_class), std::string(level.text)});
  }
  spec.plot_height = 256;
  spec.faults = FrameSpec::Faults::kNamed;
  Frame frame(look, spec, recording, digest);
  for (const int bucket : {0, 64, 128, 192, 255}) {
    const double y = frame.plot.y + bucket + 0.5;
    frame.svg.text(frame.plot.x - 7, y + 4, "tick value", std::to_string(bucket), Anchor::kEnd);
    frame.svg.line(frame.plot.x - 4, y, frame.plot.x, y, "axis");
  }
  // On a phone two columns are one, and that shows the worse of both.
  const std::size_t merged = look.narrow ? 2 : 1;
  const std::size_t columns = (digest.samples.size() + merged - 1) / merged;
  std::array<Path, 3> runs;
  for (std::size_t bucket = 0; bucket < 256; ++bucket) {
    const double y = frame.plot.y + static_cast<double>(bucket) + 0.5;
    std::size_t level = 0;
    double from = 0, to = 0;
    const auto end_run = [&] {
      if (level > 0) runs[level - 1].run(from, y, to - from);
    };
    for (std::size_t column = 0; column < columns; ++column) {
      std::size_t here = 0;
      const std::size_t last = std::min((column + 1) * merged, digest.samples.size()) - 1;
      for (std::size_t i = column * merged; i <= last; ++i) {
        here = std::max(here, level_of(digest.samples[i].distinct_by_bucket[bucket]));
      }
      if (here != level) {
        end_run();
        level = here;
        from = frame.x(static_cast<double>(digest.samples[column * merged].begin_us));
      }
      to = frame.x(static_cast<double>(digest.samples[last].end_us));
    }
    end_run();
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    frame.svg.path(runs[i], "heat " + std::string(kHeatLevels[i].css_class), kHeatLevels[i].text);
  }
  frame.svg.rect(frame.plot, "frame");
  frame.mark_edges(recording);
  return frame.svg.finish();
}

std::string garbage_chart(const Recording& recording, const Digest& digest, const Look& look) {
  const auto most_of = [](const std::vector<std::uint64_t>& of) {
    return of.empty() ? 0.0 : static_cast<double>(*std::max_element(of.begin(), of.end()));
  };
  const auto rows = [&](const Recording::Garbage& it) { return most_of(it.rows); };
  const auto records = [&](const Recording::Garbage& it) { return most_of(it.records); };
  const auto lately = [](const Recording::Garbage& it) { return static_cast<double>(it.made_lately); };
  const auto made = [](const Recording::Garbage& it) { return static_cast<double>(it.made); };
  double most = 1;
  for (const Recording::Garbage& it : recording.garbage) most = std::max({most, rows(it), lately(it), made(it)});
  FrameSpec spec;
  spec.label = "Rows and removal records of the node that has most of them, over time";
  spec.unit = "rows";
  spec.legend = {{LegendItem::Sign::kLine, "s0", "rows"},
                 {LegendItem::Sign::kLine, "s1", "with something to collect"},
                 {LegendItem::Sign::kLine, "s5 d1", "made in one window"},
                 {LegendItem::Sign::kLine, "s5 d2", "made so far"}};
  spec.y_ticks = linear_ticks(most, 4, Unit::kCount);
  Frame frame(look, spec, recording, digest);
  const auto draw = [&](auto value_of, const char* css_class) {
    Path line;
    for (const Recording::Garbage& it : recording.garbage) {
      const double x = frame.x(static_cast<double>(it.at_us)), y = frame.y(value_of(it));
      if (line.empty()) line.move(x, y).horizontal(x + 1);
      else line.line(x, y);
    }
    frame.svg.path(line, css_class);
  };
  draw(made, "line s5 d2");
  draw(lately, "line s5 d1");
  draw(rows, "line s0");
  draw(records, "line s1");
  return frame.svg.finish();
}

std::string outcome_chart(const Recording& recording, const Digest&, const Look& look) {
  // The most frequent first; equal ones by name.
  std::vector<std::pair<std::string, std::uint64_t>> outcomes(recording.outcomes.begin(), recording.outcomes.end());
  std::stable_sort(outcomes.begin(), outcomes.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::uint64_t all = 0;
  for (const auto& [name, count] : outcomes) all += count;
  constexpr double kHeight = 38;
  Svg svg(look.width, kHeight * static_cast<double>(outcomes.size()) + 4, "Outcomes of client writes",
          look.narrow ? "narrow" : "wide");
  double top = 0;
  for (const auto& [name, count] : outcomes) {
    const double share = all == 0 ? 0 : static_cast<double>(count) / static_cast<double>(all);
    const std::string value = with_commas(count) + "  (" + in_words_share(share) + ")";
    svg.text(2, top + 13, "unit", fit_text(name, look.width - text_width(value, kFontSize) - 20, kFontSize));
    svg.text(look.width - 2, top + 13, "value", value, Anchor::kEnd);
    svg.rect({2, top + 19, look.width - 4, 10}, "lane");
    svg.rect({2, top + 19, std::max((look.width - 4) * share, count > 0 ? 1.5 : 0), 10}, "bar");
    top += kHeight;
  }
  return svg.finish();
}

}  // namespace kith::sim
