#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "sim/report_charts.h"
#include "sim/report_style.h"
#include "sim/words.h"

namespace kith::sim {
namespace {

std::string age_words(std::int64_t age_us) {
  return age_us == kByTheEnd ? "by the end" : "within " + in_words_time(age_us);
}

// The later, the darker; what came only by the end is the darkest.
std::string age_class(std::size_t age, std::size_t ages) {
  return age + 1 == ages ? "a0" : "a" + std::to_string(3 - age);
}

// The area below a share, as steps; columns without writes stay blank.
template <class ShareOf>
Path area_below(const Digest& digest, const Frame& frame, double base, ShareOf share_of) {
  Path area;
  double open_until = -1;
  for (const BirthColumn& column : digest.births) {
    if (column.writes == 0) continue;
    const double x0 = frame.x(static_cast<double>(column.begin_us)), x1 = frame.x(static_cast<double>(column.end_us));
    if (open_until < 0 || x0 > open_until + 0.2) {
      if (open_until >= 0) area.vertical(base).close();
      area.move(x0, base);
    }
    area.vertical(frame.y(share_of(column))).horizontal(x1);
    open_until = x1;
  }
  if (open_until >= 0) area.vertical(base).close();
  return area;
}

struct Mark {
  std::string_view name;
  std::int64_t lag_us;
  double share;
};

// Each mark has a shape of its own: circle, diamond, square.
void draw_mark(Svg& svg, std::size_t shape, double x, double y, std::string_view css_class) {
  if (shape == 0) svg.circle(x, y, 4.5, css_class);
  else if (shape == 1) svg.path(Path().move(x, y - 6).line(x + 6, y).line(x, y + 6).line(x - 6, y).close(), css_class);
  else svg.rect({x - 4.5, y - 4.5, 9, 9}, css_class);
}

}  // namespace

std::string share_chart(const Recording& recording, const Digest& digest, const Look& look, std::string_view heading,
                        std::string_view subheading) {
  FrameSpec spec;
  spec.label =
      "Share of nodes that have the writes made at each moment, " + age_words(digest.ages_us.front()) + " and later";
  spec.heading = heading;
  spec.subheading = subheading;
  spec.unit = "nodes that have it";
  spec.faults = FrameSpec::Faults::kNamed;
  if (!heading.empty()) spec.x_unit = "when the write was made (virtual time)";
  const std::size_t ages = digest.ages_us.size();
  for (std::size_t age = 0; age < ages; ++age) {
    spec.legend.push_back({LegendItem::Sign::kBox, age_class(age, ages), age_words(digest.ages_us[age])});
  }
  if (digest.lags.copies_missing > 0) spec.legend.push_back({LegendItem::Sign::kFault, "cut", "never"});
  spec.plot_height = look.narrow ? 170 : 210;
  spec.y_ticks = linear_ticks(1, 4, Unit::kShare);
  Frame frame(look, spec, recording, digest);

  for (std::size_t age = ages; age-- > 0;) {
    frame.svg.path(
        area_below(digest, frame, frame.plot.bottom(), [&](const BirthColumn& c) { return c.share_by_age[age]; }),
        "crisp " + age_class(age, ages), age_words(digest.ages_us[age]));
  }
  if (digest.lags.copies_missing > 0) {
    const Path never =
        area_below(digest, frame, frame.plot.y, [&](const BirthColumn& c) { return c.share_by_age[ages - 1]; });
    frame.svg.path(never, "b-cut bare", "never");
    frame.svg.path(never, "h-cut", "never");
  }
  frame.mark_edges(recording);
  if (!heading.empty()) {
    frame.svg.markup(hatches());
    frame.svg.markup("<style>" + std::string(drawing_style()) + "</style>");
  }
  return frame.svg.finish(!heading.empty());
}

std::string under_way_chart(const Recording& recording, const Digest& digest, const Look& look) {
  FrameSpec spec;
  spec.label = "Copies under way over time; most at once: " + with_commas(digest.most_under_way);
  spec.unit = "copies under way";
  spec.plot_height = 130;
  spec.y_ticks = linear_ticks(static_cast<double>(digest.most_under_way), 3, Unit::kCount);
  Frame frame(look, spec, recording, digest);
  Path area, edge;
  const double width = frame.plot.width / static_cast<double>(kColumnsMax);
  area.move(frame.plot.x, frame.plot.bottom());
  for (std::size_t i = 0; i < digest.copies_under_way.size(); ++i) {
    const double top = frame.y(static_cast<double>(digest.copies_under_way[i]));
    area.vertical(top).horizontal(frame.plot.x + width * static_cast<double>(i + 1));
    if (i == 0) edge.move(frame.plot.x, top);
    else edge.vertical(top);
    edge.horizontal(frame.plot.x + width * static_cast<double>(i + 1));
  }
  area.vertical(frame.plot.bottom()).close();
  frame.svg.path(area, "band");
  frame.svg.path(edge, "line s0");
  if (digest.most_under_way > 0) {
    const double at = frame.x(static_cast<double>(digest.most_under_way_us));
    const double top = frame.y(static_cast<double>(digest.most_under_way));
    const std::string words = with_commas(digest.most_under_way) + " at " + in_words_time(digest.most_under_way_us);
    const bool right = at + 12 + text_width(words, kFontSize) < look.width;
    frame.svg.circle(at, top, 3.5, "dot0");
    frame.svg.text(right ? at + 8 : at - 6, right ? std::max(top + 4, frame.plot.y + 11) : top - 7, "value halo", words,
                   right ? Anchor::kStart : Anchor::kEnd);
  }
  return frame.svg.finish();
}

std::string lag_chart(const Recording& recording, const Digest& digest, const Look& look) {
  struct Curve {
    const Distribution* of;
    std::string_view name;
  };
  const std::array<Curve, 3> curves = {{{&digest.lags.half, "half of the nodes"},
                                        {&digest.lags.each_node, "each node"},
                                        {&digest.lags.last_node, "the last node"}}};
  // Below a thousandth of the slowest there is hardly anything to see; what is faster stands at the left edge.
  std::int64_t slowest = 1'000, fastest = 0;
  for (const Curve& curve : curves) {
    slowest = std::max(slowest, curve.of->max_us);
    if (curve.of->curve.empty()) continue;
    // Two of a hundred may be faster than the axis begins.
    for (const Distribution::Point& point : curve.of->curve) {
      if (point.share < 0.02 || point.lag_us == 0) continue;
      fastest = fastest == 0 ? point.lag_us : std::min(fastest, point.lag_us);
      break;
    }
  }
  if (fastest == 0) fastest = 1'000;
  FrameSpec spec;
  spec.label =
      "Cumulative share of writes over the time until they reached half of the nodes, each node and the last node";
  spec.unit = "share that arrived";
  for (std::size_t i = 0; i < curves.size(); ++i) {
    spec.legend.push_back({LegendItem::Sign::kLine, "s" + std::to_string(i) + (i == 1 ? " d1" : i == 0 ? " d2" : ""),
                           std::string(curves[i].name)});
  }
  spec.plot_height = look.narrow ? 180 : 220;
  spec.y_ticks = linear_ticks(1, 4, Unit::kShare);
  spec.x_ticks = duration_ticks(std::min(fastest, slowest), slowest);
  spec.x_unit = "time since the write (logarithmic)";
  Frame frame(look, spec, recording, digest);

  for (std::size_t i = 0; i < curves.size(); ++i) {
    Path line;
    double share = 0;
    for (const Distribution::Point& point : curves[i].of->curve) {
      const double at = frame.x(static_cast<double>(std::max<std::int64_t>(point.lag_us, 1)));
      if (line.empty()) line.move(at, frame.y(0));
      else line.line(at, frame.y(share));
      line.line(at, frame.y(point.share));
      share = point.share;
    }
    if (!line.empty()) line.horizontal(frame.plot.right());
    frame.svg.path(line, "line strong " + spec.legend[i].css_class, spec.legend[i].text);
  }
  // Marks on all curves; a line down and words only for the curve of the last node, which is the promise.
  const auto at_of = [&](const Mark& mark) {
    return frame.x(static_cast<double>(std::max<std::int64_t>(mark.lag_us, 1)));
  };
  const auto marks_of = [](const Distribution& of) {
    const double arrived = of.count == 0 ? 0 : static_cast<double>(of.count - of.never) / static_cast<double>(of.count);
    return std::array<Mark, 3>{{{"p50", of.p50_us, 0.5}, {"p99", of.p99_us, 0.99}, {"max", of.max_us, arrived}}};
  };
  const std::array<Mark, 3> promised = marks_of(digest.lags.last_node);
  for (const Mark& mark : promised) {
    if (mark.lag_us >= 0) frame.svg.line(at_of(mark), frame.y(mark.share), at_of(mark), frame.plot.bottom(), "guide");
  }
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const std::array<Mark, 3> marks = marks_of(*curves[i].of);
    for (std::size_t shape = 0; shape < marks.size(); ++shape) {
      if (marks[shape].lag_us < 0) continue;
      draw_mark(frame.svg, shape, at_of(marks[shape]), frame.y(marks[shape].share), "dot" + std::to_string(i));
    }
  }
  for (std::size_t i = 0; i < promised.size(); ++i) {
    if (promised[i].lag_us < 0) continue;
    // Below the curve and to the right of the line there is never any data; each mark has a height of its own.
    const double at = at_of(promised[i]),
                 y = frame.plot.bottom() - frame.plot.height * (0.34 - 0.13 * static_cast<double>(i));
    const std::string words = std::string(promised[i].name) + " " + in_words_time(promised[i].lag_us);
    const bool right = at + 8 + text_width(words, kFontSize) < look.width;
    frame.svg.text(right ? at + 6 : at - 6, y, "value halo", words, right ? Anchor::kStart : Anchor::kEnd);
  }
  return frame.svg.finish();
}

}  // namespace kith::sim
