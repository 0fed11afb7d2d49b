#include "sim/svg.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "crdt/check.h"

namespace kith::sim {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

// Bytes of the well-formed character at `at`; 0 when there is none.
std::size_t character_size(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return continues(text, at + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead < 0xF0) {
    if (!continues(text, at + 1) || !continues(text, at + 2)) return 0;
    if (lead == 0xE0 && byte(at + 1) < 0xA0) return 0;   // Overlong.
    if (lead == 0xED && byte(at + 1) >= 0xA0) return 0;  // Surrogates.
    if (lead == 0xEF && byte(at + 1) == 0xBF && byte(at + 2) >= 0xBE) return 0;  // U+FFFE, U+FFFF: not allowed in XML.
    return 3;
  }
  if (lead >= 0xF0 && lead < 0xF5) {
    if (!continues(text, at + 1) || !continues(text, at + 2) || !continues(text, at + 3)) return 0;
    if (lead == 0xF0 && byte(at + 1) < 0x90) return 0;
    if (lead == 0xF4 && byte(at + 1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

double character_width(std::string_view character) {
  if (character.size() >= 3 && character != kEllipsis) return 1.05;  // Most of those this wide are East Asian.
  if (character.size() == 2) return 0.66;
  switch (character[0]) {
    case 'i': case 'j': case 'l': case 't': case 'f': case '.': case ',': case ':': case ';': case '\'': case '|':
    case '!': case ' ': case '(': case ')': case '[': case ']': return 0.40;
    case 'm': case 'w': case 'M': case 'W': case '%': case '@': return 1.0;
    default: return character[0] >= 'A' && character[0] <= 'Z' ? 0.73 : 0.64;
  }
}

template <class Use>
void for_each_character(std::string_view text, Use use) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character_size(text, at);
    use(size == 0 ? kReplacement : text.substr(at, size));
    at += size == 0 ? 1 : size;
  }
}

void append_point(std::string& d, char command, double x, double y) {
  d += command;
  d += coordinate(x);
  d += ' ';
  d += coordinate(y);
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_character(text, [&](std::string_view character) {
    const auto code = static_cast<unsigned char>(character[0]);
    if (character == "&") out += "&amp;";
    else if (character == "<") out += "&lt;";
    else if (character == ">") out += "&gt;";
    else if (character == "\"") out += "&quot;";
    else if (character == "'") out += "&#39;";
    else if (character == "\n" || character == "\t") out += ' ';
    else if (code < 0x20 || code == 0x7F) out += kReplacement;
    else out += character;
  });
  return out;
}

std::string coordinate(double value) {
  KITH_CHECK(std::isfinite(value), "a coordinate that is no number", value);
  const auto tenths = static_cast<std::int64_t>(std::llround(std::fmin(std::fmax(value, -1e9), 1e9) * 10));
  const std::int64_t whole = std::abs(tenths) / 10, tenth = std::abs(tenths) % 10;
  std::string text = tenths < 0 ? "-" : "";
  text += std::to_string(whole);
  if (tenth != 0) (text += '.') += static_cast<char>('0' + tenth);
  return text;
}

double text_width(std::string_view text, double font_size) {
  double width = 0;
  for_each_character(text, [&](std::string_view character) { width += character_width(character); });
  return width * font_size;
}

std::string fit_text(std::string_view text, double width, double font_size) {
  if (text_width(text, font_size) <= width) return std::string(text);
  const double room = width - text_width(kEllipsis, font_size);
  std::string cut;
  std::size_t characters = 0;
  double used = 0;
  bool full = false;
  for_each_character(text, [&](std::string_view character) {
    used += character_width(character) * font_size;
    full = full || used > room;
    if (full) return;
    cut += character;
    ++characters;
  });
  if (characters < 3) return {};
  while (cut.ends_with(' ')) cut.pop_back();
  return cut + std::string(kEllipsis);
}

Path& Path::move(double x, double y) {
  append_point(d_, 'M', x, y);
  return *this;
}

Path& Path::line(double x, double y) {
  append_point(d_, 'L', x, y);
  return *this;
}

Path& Path::horizontal(double x) {
  (d_ += 'H') += coordinate(x);
  return *this;
}

Path& Path::vertical(double y) {
  (d_ += 'V') += coordinate(y);
  return *this;
}

Path& Path::run(double x, double y, double width) {
  append_point(d_, 'M', x, y);
  (d_ += 'h') += coordinate(width);
  return *this;
}

Path& Path::close() {
  d_ += 'Z';
  return *this;
}

Svg::Svg(double width, double height, std::string_view label, std::string_view css_class)
    : width_(width), height_(height), label_(escape_markup(label)), class_(escape_markup(css_class)) {}

void Svg::rect(const Box& box, std::string_view css_class, std::string_view title, double opacity, double radius) {
  if (!(box.width > 0) || !(box.height > 0)) return;
  body_ += "<rect class=\"" + escape_markup(css_class) + "\" x=\"" + coordinate(box.x) + "\" y=\"" + coordinate(box.y) +
           "\" width=\"" + coordinate(box.width) + "\" height=\"" + coordinate(box.height) + '"';
  if (radius > 0) body_ += " rx=\"" + coordinate(radius) + '"';
  if (opacity < 1) {
    char digits[16];
    std::snprintf(digits, sizeof digits, "%.2f", opacity);
    body_ += std::string(" opacity=\"") + digits + '"';
  }
  body_ += title.empty() ? "/>" : "><title>" + escape_markup(title) + "</title></rect>";
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view css_class) {
  body_ += "<line class=\"" + escape_markup(css_class) + "\" x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) +
           "\" x2=\"" + coordinate(x2) + "\" y2=\"" + coordinate(y2) + "\"/>";
}

void Svg::path(const Path& path, std::string_view css_class, std::string_view title) {
  if (path.empty()) return;
  body_ += "<path class=\"" + escape_markup(css_class) + "\" d=\"" + path.d() + '"';
  body_ += title.empty() ? "/>" : "><title>" + escape_markup(title) + "</title></path>";
}

void Svg::circle(double x, double y, double radius, std::string_view css_class) {
  body_ += "<circle class=\"" + escape_markup(css_class) + "\" cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) +
           "\" r=\"" + coordinate(radius) + "\"/>";
}

void Svg::text(double x, double y, std::string_view css_class, std::string_view content, Anchor anchor) {
  if (content.empty()) return;
  body_ += "<text class=\"" + escape_markup(css_class) + "\" x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + '"';
  if (anchor == Anchor::kMiddle) body_ += " text-anchor=\"middle\"";
  if (anchor == Anchor::kEnd) body_ += " text-anchor=\"end\"";
  body_ += '>' + escape_markup(content) + "</text>";
}

void Svg::markup(std::string_view well_formed) { body_ += well_formed; }

std::string Svg::finish(bool standalone) const {
  const double margin = standalone ? kStandaloneMargin : 0;
  const std::string width = coordinate(width_ + 2 * margin), height = coordinate(height_ + 2 * margin);
  std::string out = "<svg";
  if (standalone) out += " xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height + '"';
  out += " class=\"" + class_ + "\" viewBox=\"" + coordinate(-margin) + ' ' + coordinate(-margin) + ' ' + width + ' ' +
         height + "\" role=\"img\" aria-label=\"" + label_ + "\"><title>" + label_ + "</title>" + body_ + "</svg>\n";
  return out;
}

}  // namespace kith::sim
