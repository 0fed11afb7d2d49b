#include "sim/report_frame.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/report_style.h"

namespace kith::sim {
namespace {

constexpr double kRow = 17;
constexpr double kNameRow = 20;            // A name and its bar.
constexpr std::size_t kNameRowsMax = 3;
constexpr std::size_t kNamesTried = 300;
constexpr std::size_t kShadesApart = 40;   // More spans than that are shaded as one per kind.

struct Placed {
  double x = 0, y = 0;
};

// Where each item of the legend begins; `y` counts from the first row of the legend.
std::vector<Placed> place_legend(const Look& look, const FrameSpec& spec, double& height) {
  std::vector<Placed> places;
  const double unit_width = text_width(spec.unit, kFontSize) * 1.08;
  double x = look.narrow ? 2 : look.margin_left, y = 0;
  if (look.narrow) {
    if (unit_width > 0 && !spec.legend.empty()) y += kRow;
  } else if (unit_width > 0) {
    x = 2 + std::max(look.margin_left, unit_width + 22);
  }
  const double begin = look.narrow ? 2 : x;
  for (const LegendItem& item : spec.legend) {
    const double width = (item.sign == LegendItem::Sign::kNone ? 0 : 24) + text_width(item.text, kFontSize) + 12;
    if (x > begin && x + width > look.width) {
      x = begin;
      y += kRow;
    }
    places.push_back({x, y});
    x += width;
  }
  height = unit_width > 0 || !spec.legend.empty() ? y + kRow + 3 : 0;
  return places;
}

void draw_sign(Svg& svg, const LegendItem& item, double x, double y) {
  const Box box{x, y - 10, 16, 11};
  switch (item.sign) {
    case LegendItem::Sign::kBox: svg.rect(box, item.css_class); break;
    case LegendItem::Sign::kLine: svg.line(x, y - 4, x + 17, y - 4, "line strong " + item.css_class); break;
    case LegendItem::Sign::kFault:
      svg.rect(box, "b-" + item.css_class);
      svg.rect(box, "h-" + item.css_class);
      break;
    case LegendItem::Sign::kNone: break;
  }
}

struct SpanName {
  Box extent;
  std::string text;
  std::string css_class;
  double x = 0, width = 0;       // Of the text.
  std::size_t row = 0;           // From below.
  double left() const { return std::min(x, extent.x); }
  double right() const { return std::max(x + width, extent.right()); }
};

// Names of spans above the plot, each over a bar of its own, the widest spans first and lowest; what finds no room is
// left out (the lanes have them all).
std::vector<SpanName> place_names(const Recording& recording, const Scale& x, const Box& plot, const Look& look) {
  std::vector<SpanName> candidates;
  for (const Recording::Span& span : recording.spans) {
    const Box extent = extent_of(span, x, plot);
    if (extent.width <= 0 || span.text.empty()) continue;
    const bool there = std::any_of(candidates.begin(), candidates.end(), [&](const SpanName& other) {
      return other.text == span.text && std::abs(other.extent.x - extent.x) < 1 &&
             std::abs(other.extent.width - extent.width) < 1;
    });
    if (!there && candidates.size() < kNamesTried)
      candidates.push_back({extent, span.text, std::string(kind_class(span.kind))});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const SpanName& a, const SpanName& b) { return a.extent.width > b.extent.width; });
  std::vector<SpanName> placed;
  for (SpanName& name : candidates) {
    name.text = fit_text(name.text, std::max(name.extent.width, look.width * (look.narrow ? 0.45 : 0.3)), kFontSize);
    name.width = text_width(name.text, kFontSize);
    if (name.text.empty()) continue;
    name.x = name.extent.x + (name.extent.width - name.width) / 2;
    name.x = std::max(plot.x - 20, std::min(name.x, look.width - 2 - name.width));
    for (name.row = 0; name.row < kNameRowsMax; ++name.row) {
      const bool free = std::none_of(placed.begin(), placed.end(), [&](const SpanName& other) {
        return other.row == name.row && name.left() < other.right() + 6 && other.left() < name.right() + 6;
      });
      if (!free) continue;
      placed.push_back(name);
      break;
    }
  }
  return placed;
}

double opacity_of(const Recording& recording, const Recording::Span& span) {
  const double nodes = std::max(1.0, static_cast<double>(recording.nodes.size()));
  return 0.07 + 0.11 * std::min(1.0, static_cast<double>(span.nodes.size()) / nodes);
}

void shade(Svg& svg, const Recording& recording, const Scale& x, const Box& plot) {
  const auto draw = [&](const Box& extent, std::string_view kind, std::string_view text, double opacity) {
    svg.rect(extent, "k-" + std::string(kind), text, opacity);
  };
  if (recording.spans.size() <= kShadesApart) {
    for (const Recording::Span& span : recording.spans) {
      const Box extent = extent_of(span, x, plot);
      if (extent.width > 0) draw(extent, kind_class(span.kind), span.text, opacity_of(recording, span));
    }
    return;
  }
  std::map<Recording::Span::Kind, std::vector<Box>> by_kind;
  for (const Recording::Span& span : recording.spans) {
    const Box extent = extent_of(span, x, plot);
    if (extent.width > 0) by_kind[span.kind].push_back(extent);
  }
  for (auto& [kind, boxes] : by_kind) {
    std::sort(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) { return a.x < b.x; });
    Box run = boxes.front();
    for (const Box& box : boxes) {
      if (box.x > run.right() + 0.5) {
        draw(run, kind_class(kind), kind_words(kind), 0.09);
        run = box;
      }
      run.width = std::max(run.width, box.right() - run.x);
    }
    draw(run, kind_class(kind), kind_words(kind), 0.09);
  }
}

double head_height_of(const Look& look, const FrameSpec& spec) {
  double legend = 0;
  (void)place_legend(look, spec, legend);
  return (spec.heading.empty() ? 0 : 24) + (spec.subheading.empty() ? 0 : 20) +
         (spec.heading.empty() && spec.subheading.empty() ? 0 : 8) + legend;
}

Scale time_scale(const Look& look, const Digest& digest) {
  return {0, static_cast<double>(digest.end_us), look.margin_left, look.margin_left + look.plot_width(), false};
}

// Many names would be noise above every chart; then only those stay that have nothing else to tell of faults.
bool names_spans(const FrameSpec& spec, const Recording& recording) {
  if (!spec.x_ticks.empty() || spec.faults == FrameSpec::Faults::kNone) return false;
  return spec.faults == FrameSpec::Faults::kNamed || recording.spans.size() <= kShadesApart;
}

std::size_t name_rows_of(const Look& look, const FrameSpec& spec, const Recording& recording, const Digest& digest) {
  if (!names_spans(spec, recording)) return 0;
  std::size_t rows = 0;
  const Box plot{look.margin_left, 0, look.plot_width(), 1};
  for (const SpanName& name : place_names(recording, time_scale(look, digest), plot, look))
    rows = std::max(rows, name.row + 1);
  return rows;
}

}  // namespace

std::vector<Recording::Span::Kind> kinds_of(const Recording& recording) {
  std::vector<Recording::Span::Kind> kinds;
  for (const Recording::Span& span : recording.spans) kinds.push_back(span.kind);
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  return kinds;
}

Box extent_of(const Recording::Span& span, const Scale& x, const Box& plot) {
  if (span.end_us <= span.begin_us || static_cast<double>(span.begin_us) > x.high || span.end_us < 0) return {};
  const double from = x(static_cast<double>(span.begin_us)), to = x(static_cast<double>(span.end_us));
  return {from, plot.y, std::max(to - from, 1.0), plot.height};
}

Frame::Frame(const Look& look, const FrameSpec& spec, const Recording& recording, const Digest& digest)
    : Frame(look, spec, recording, digest, head_height_of(look, spec), name_rows_of(look, spec, recording, digest)) {}

Frame::Frame(const Look& look, const FrameSpec& spec, const Recording& recording, const Digest& digest,
             double head_height, std::size_t name_rows)
    : svg(look.width,
          head_height + static_cast<double>(name_rows) * kNameRow + 8 + spec.plot_height + 24 +
              (spec.x_unit.empty() ? 0 : kRow),
          spec.label, look.narrow ? "narrow" : "wide"),
      plot{look.margin_left, head_height + static_cast<double>(name_rows) * kNameRow + 8, look.plot_width(),
           spec.plot_height} {
  if (!spec.heading.empty()) {
    constexpr double kMargin = kStandaloneMargin;
    svg.rect({-kMargin, -kMargin, svg.width() + 2 * kMargin, svg.height() + 2 * kMargin}, "ground");
  }
  double row = 0;
  if (!spec.heading.empty()) svg.text(2, row += 18, "heading", fit_text(spec.heading, look.width - 4, 16));
  if (!spec.subheading.empty()) svg.text(2, row += 20, "soft", fit_text(spec.subheading, look.width - 4, kFontSize));
  if (row > 0) row += 14;
  svg.text(2, row + 13, "unit", spec.unit);
  double legend_height = 0;
  const std::vector<Placed> places = place_legend(look, spec, legend_height);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const LegendItem& item = spec.legend[i];
    draw_sign(svg, item, places[i].x, row + 13 + places[i].y);
    svg.text(places[i].x + (item.sign == LegendItem::Sign::kNone ? 0 : 22), row + 13 + places[i].y, "soft", item.text);
  }

  const bool of_time = spec.x_ticks.empty();
  if (of_time) {
    x = time_scale(look, digest);
  } else {
    x = {spec.x_ticks.front().value, spec.x_ticks.back().value, plot.x, plot.right(), true};
  }
  if (!spec.y_ticks.empty()) {
    y = {spec.y_ticks.front().value, spec.y_ticks.back().value, plot.bottom(), plot.y, false};
    for (const Tick& tick : spec.y_ticks) {
      svg.line(plot.x, y(tick.value), plot.right(), y(tick.value), "grid");
      svg.text(plot.x - 7, y(tick.value) + 4, "tick value", tick.label, Anchor::kEnd);
    }
  }
  if (of_time && spec.faults == FrameSpec::Faults::kShaded) shade(svg, recording, x, plot);
  if (names_spans(spec, recording)) {
    for (const SpanName& name : place_names(recording, x, plot, look)) {
      const double y_bar = plot.y - 5 - static_cast<double>(name.row) * kNameRow;
      svg.rect({name.extent.x, y_bar, name.extent.width, 4}, "k-" + name.css_class, name.text);
      svg.text(name.x, y_bar - 4, "name", name.text);
    }
  }
  svg.line(plot.x, plot.bottom(), plot.right(), plot.bottom(), "axis");
  double free_from = 0;
  const std::vector<Tick> x_ticks = of_time ? time_ticks(digest.end_us, look.narrow ? 5 : 10) : spec.x_ticks;
  for (const Tick& tick : x_ticks) {
    const double at = x(tick.value), width = text_width(tick.label, kFontSize);
    svg.line(at, plot.bottom(), at, plot.bottom() + 4, "axis");
    const double begin = std::min(at - width / 2, look.width - 1 - width);
    if (begin < free_from) continue;
    svg.text(begin + width / 2, plot.bottom() + 18, "tick value", tick.label, Anchor::kMiddle);
    free_from = begin + width + 6;
  }
  if (!spec.x_unit.empty()) svg.text(plot.right(), plot.bottom() + 18 + kRow, "soft", spec.x_unit, Anchor::kEnd);
}

void Frame::mark_edges(const Recording& recording) {
  constexpr std::size_t kEdgesOf = 12;
  if (recording.spans.size() > kEdgesOf) return;
  for (const Recording::Span& span : recording.spans) {
    const Box extent = extent_of(span, x, plot);
    if (extent.width <= 0) continue;
    svg.line(extent.x, plot.y, extent.x, plot.bottom(), "guide");
    svg.line(extent.right(), plot.y, extent.right(), plot.bottom(), "guide");
  }
}

}  // namespace kith::sim
