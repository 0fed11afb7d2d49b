// sim/svg.h -- a small SVG canvas: boxes, lines, paths and text, as one string.
//
// Looks come from classes (sim/report_style), so that one drawing is right on a light and on a dark page.
// Invariants:
//   I1. what comes out is well-formed XML, whatever the texts given to it contain.
//   I2. every coordinate is finite (CHECKed) and has at most one decimal.
//
// A plain value.  Tests: tests/sim/svg_test.cc
#pragma once

#include <string>
#include <string_view>

namespace kith::sim {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

enum class Anchor { kStart, kMiddle, kEnd };

// For element content and attributes.  Control characters, and bytes that are no UTF-8, become U+FFFD.
std::string escape_markup(std::string_view text);

// "12.5", "-3", "0".  REQUIRES: finite.
std::string coordinate(double value);

// About how wide a text is in the system's sans-serif; errs on the wide side.
double text_width(std::string_view text, double font_size);

// Cut with an ellipsis so that it is at most `width` wide; empty when not even three characters would be left.
std::string fit_text(std::string_view text, double width, double font_size);

// The "d" of a path.
class Path {
 public:
  Path& move(double x, double y);
  Path& line(double x, double y);
  Path& horizontal(double x);       // To this x.
  Path& vertical(double y);
  Path& run(double x, double y, double width);  // A stroke of its own, to the right.
  Path& close();
  bool empty() const { return d_.empty(); }
  const std::string& d() const { return d_; }

 private:
  std::string d_;
};

inline constexpr double kStandaloneMargin = 16;

class Svg {
 public:
  // `label`: what a screen reader says, and the drawing's title.
  Svg(double width, double height, std::string_view label, std::string_view css_class);

  // `title`: shown while the pointer rests on it; empty: none.
  void rect(const Box& box, std::string_view css_class, std::string_view title = {}, double opacity = 1,
            double radius = 0);
  void line(double x1, double y1, double x2, double y2, std::string_view css_class);
  void path(const Path& path, std::string_view css_class, std::string_view title = {});
  void circle(double x, double y, double radius, std::string_view css_class);
  void text(double x, double y, std::string_view css_class, std::string_view content, Anchor anchor = Anchor::kStart);
  void markup(std::string_view well_formed);   // As it is: style sheets and patterns.

  double width() const { return width_; }
  double height() const { return height_; }
  // The drawing.  `standalone`: as a file of its own, with a name space, a size, and a margin around
  // (kStandaloneMargin).
  std::string finish(bool standalone = false) const;

 private:
  double width_, height_;
  std::string label_, class_, body_;
};

}  // namespace kith::sim
