#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "sim/report_charts.h"
#include "sim/report_style.h"
#include "sim/words.h"

namespace kith::sim {
namespace {

constexpr std::size_t kLanesMax = 40;
constexpr double kBarHeight = 15;
constexpr double kRoomToCut = 60;     // A name that is cut to less says nothing.
constexpr std::size_t kRowsMax = 4;   // Of bars, in one lane.

struct Lane {
  std::string name;
  std::vector<std::uint32_t> nodes;
};

// A span, as far as it concerns one lane.
struct Concern {
  std::size_t span = 0;
  std::size_t nodes = 0;  // Of the lane's.
  bool first = true;      // No lane above is concerned.
};

struct Bar {
  double from = 0, to = 0;
  Recording::Span::Kind kind = Recording::Span::Kind::kCut;
  std::string text;
  bool named = true;      // In the first lane that the span concerns; the lanes below show the same hatch.
  double share = 1;       // Of the lane's nodes.
  std::size_t spans = 1;
  std::size_t row = 0;
};

std::string range_name(const Recording& recording, const std::vector<std::uint32_t>& nodes) {
  if (nodes.size() == 1) return recording.nodes[nodes[0]];
  return plural(nodes.size(), "node");
}

// One lane a node, as far as that goes; above, one for all nodes to which the same happened; and when these are too
// many, one for each run of neighbours.
std::vector<Lane> lanes_of(const Recording& recording) {
  const std::size_t count = recording.nodes.size();
  std::vector<Lane> lanes;
  if (count <= kLanesMax) {
    for (std::uint32_t node = 0; node < count; ++node) lanes.push_back({recording.nodes[node], {node}});
    return lanes;
  }
  std::vector<std::vector<std::size_t>> spans_of(count);
  for (std::size_t i = 0; i < recording.spans.size(); ++i) {
    for (const std::uint32_t node : recording.spans[i].nodes) {
      if (node < count) spans_of[node].push_back(i);
    }
  }
  std::map<std::vector<std::size_t>, std::vector<std::uint32_t>> alike;
  for (std::uint32_t node = 0; node < count; ++node) alike[spans_of[node]].push_back(node);
  if (alike.size() <= kLanesMax) {
    for (auto& [spans, nodes] : alike) lanes.push_back({range_name(recording, nodes), std::move(nodes)});
    std::sort(lanes.begin(), lanes.end(), [](const Lane& a, const Lane& b) { return a.nodes[0] < b.nodes[0]; });
    return lanes;
  }
  const std::size_t each = (count + kLanesMax - 1) / kLanesMax;
  for (std::size_t first = 0; first < count; first += each) {
    Lane lane;
    for (std::size_t node = first; node < std::min(count, first + each); ++node) {
      lane.nodes.push_back(static_cast<std::uint32_t>(node));
    }
    lane.name = recording.nodes[first];
    if (lane.nodes.size() > 1) lane.name += " +" + std::to_string(lane.nodes.size() - 1);
    lanes.push_back(std::move(lane));
  }
  return lanes;
}

// "n3 down" in the lane of n3 is "down".
std::string without_name(const std::string& text, const Lane& lane) {
  const bool begins = lane.nodes.size() == 1 && text.size() > lane.name.size() + 1 && text.starts_with(lane.name) &&
                      text[lane.name.size()] == ' ';
  return begins ? text.substr(lane.name.size() + 1) : text;
}

// Bars of one lane, in rows so that none covers another.  Spans of a kind that touch, of lanes with many nodes, are one
// bar.
std::vector<Bar> bars_of(const Recording& recording, const std::vector<Concern>& concerns, const Lane& lane,
                         const Scale& x, std::size_t& rows) {
  const std::size_t nodes_in_lane = std::max<std::size_t>(1, lane.nodes.size());
  std::vector<Bar> bars;
  for (const Concern& concern : concerns) {
    const Recording::Span& span = recording.spans[concern.span];
    const Box extent = extent_of(span, x, {});
    if (extent.width <= 0) continue;
    bars.push_back({.from = extent.x,
                    .to = extent.right(),
                    .kind = span.kind,
                    .text = span.nodes.size() == 1 ? without_name(span.text, lane) : span.text,
                    .named = concern.first,
                    .share = static_cast<double>(concern.nodes) / static_cast<double>(nodes_in_lane)});
  }
  std::stable_sort(bars.begin(), bars.end(), [](const Bar& a, const Bar& b) { return a.from < b.from; });
  std::vector<Bar> merged;
  for (Bar& bar : bars) {
    // In a lane of many nodes that overlap; in one of a single node, what is a pixel apart.
    const double gap = nodes_in_lane > 1 ? 2 : 0.5;
    const auto before = std::find_if(merged.rbegin(), merged.rend(), [&](const Bar& other) {
      return other.kind == bar.kind && bar.from <= other.to + gap &&
             (nodes_in_lane > 1 ? bar.share < 1 && other.share < 1
                                : bar.to - bar.from < 3 && other.to - other.from < 3);
    });
    if (before == merged.rend()) {
      merged.push_back(std::move(bar));
      continue;
    }
    before->to = std::max(before->to, bar.to);
    before->share = std::min(1.0, before->share + bar.share);
    before->named = true;
    before->text = with_commas(++before->spans) + "\xC3\x97 " + std::string(kind_words(bar.kind));
  }
  std::vector<double> until;
  for (Bar& bar : merged) {
    bar.row = 0;
    while (bar.row < until.size() && until[bar.row] > bar.from + 0.01) ++bar.row;
    if (bar.row == until.size() && until.size() < kRowsMax) until.push_back(0);
    bar.row = std::min(bar.row, kRowsMax - 1);
    until[bar.row] = std::max(until[bar.row], bar.to);
  }
  rows = std::max<std::size_t>(1, until.size());
  return merged;
}

// Rows first and widths later: a bar's name goes inside, else behind it as far as nothing else is there.
void draw_bars(Svg& svg, const std::vector<Bar>& bars, double top, double right_edge, bool may_cut) {
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double y = top + static_cast<double>(bar.row) * kBarHeight + 1;
    const Box box{bar.from, y, std::max(bar.to - bar.from, 1.5), kBarHeight - 2};
    const std::string kind(kind_class(bar.kind));
    svg.rect(box, "b-" + kind, bar.text, 0.35 + 0.65 * bar.share, 2);
    svg.rect(box, "h-" + kind, bar.text, 1, 2);
  }
  for (const Bar& bar : bars) {
    if (!bar.named) continue;
    double room_to = right_edge;
    for (const Bar& other : bars) {
      if (other.row == bar.row && other.from >= bar.to - 0.01) room_to = std::min(room_to, other.from);
    }
    const double y = top + static_cast<double>(bar.row) * kBarHeight + kBarHeight - 4;
    const double inside = bar.to - bar.from - 8, behind = room_to - bar.to - 8, width = text_width(bar.text, kFontSize);
    if (width <= inside) svg.text(bar.from + 4, y, "halo", bar.text);
    else if (width <= behind) svg.text(bar.to + 4, y, "halo", bar.text);
    else if (may_cut && inside >= kRoomToCut && inside >= behind)
      svg.text(bar.from + 4, y, "halo", fit_text(bar.text, inside, kFontSize));
    else if (may_cut && behind >= kRoomToCut) svg.text(bar.to + 4, y, "halo", fit_text(bar.text, behind, kFontSize));
  }
}

}  // namespace

std::string lanes_chart(const Recording& recording, const Digest& digest, const Look& look) {
  const std::vector<Lane> lanes = lanes_of(recording);
  std::vector<std::size_t> lane_of(recording.nodes.size(), 0);
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    for (const std::uint32_t node : lanes[lane].nodes) lane_of[node] = lane;
  }
  std::vector<std::vector<Concern>> concerns(lanes.size());
  for (std::size_t i = 0; i < recording.spans.size(); ++i) {
    std::map<std::size_t, std::size_t> concerned;
    for (const std::uint32_t node : recording.spans[i].nodes) {
      if (node < lane_of.size()) ++concerned[lane_of[node]];
    }
    for (const auto& [lane, count] : concerned) concerns[lane].push_back({i, count, lane == concerned.begin()->first});
  }

  const Scale x{0, static_cast<double>(digest.end_us), look.margin_left, look.margin_left + look.plot_width(), false};
  std::vector<std::vector<Bar>> bars;
  std::vector<double> heights;
  double height = recording.happenings.empty() ? 0 : 20;
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    std::size_t rows = 1;
    bars.push_back(bars_of(recording, concerns[lane], lanes[lane], x, rows));
    heights.push_back(static_cast<double>(rows) * kBarHeight + 4);
    height += heights.back();
  }
  FrameSpec spec;
  spec.label = "Faults by node over time: " + plural(recording.spans.size(), "span") + ", " +
               plural(recording.happenings.size(), "event");
  for (const Recording::Span::Kind kind : kinds_of(recording)) {
    spec.legend.push_back({LegendItem::Sign::kFault, std::string(kind_class(kind)), std::string(kind_words(kind))});
  }
  spec.unit = lanes.size() == recording.nodes.size() ? "node" : "nodes";
  spec.plot_height = std::max(height, 20.0);
  spec.faults = FrameSpec::Faults::kNone;
  Frame frame(look, spec, recording, digest);

  double top = frame.plot.y;
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    if (lane % 2 == 0) frame.svg.rect({frame.plot.x, top, frame.plot.width, heights[lane]}, "lane");
    frame.svg.text(frame.plot.x - 7, top + 14, "tick", fit_text(lanes[lane].name, look.margin_left - 9, kFontSize),
                   Anchor::kEnd);
    draw_bars(frame.svg, bars[lane], top + 2, look.width - 2, lanes[lane].nodes.size() == 1);
    top += heights[lane];
  }
  if (!recording.happenings.empty()) {
    frame.svg.text(frame.plot.x - 7, top + 15, "tick", "events", Anchor::kEnd);
    std::set<long> drawn;
    for (const Recording::Happening& happening : recording.happenings) {
      const double at = frame.x(static_cast<double>(happening.at_us));
      if (!drawn.insert(std::lround(at)).second) continue;
      frame.svg.path(Path().move(at, top + 5).vertical(top + 18), "happening",
                     in_words_time(happening.at_us) + ": " + happening.text);
    }
  }
  return frame.svg.finish();
}

}  // namespace kith::sim
