#include "tests/sim/markup_check.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <set>
#include <vector>

namespace kith::test {
namespace {

std::string at(std::string_view markup, std::size_t where, const std::string& what) {
  const std::size_t from = where > 40 ? where - 40 : 0;
  return what + " at " + std::to_string(where) + ": ..." + std::string(markup.substr(from, 100)) + "...";
}

std::string fault_of_text(std::string_view text) {
  constexpr std::array<std::string_view, 5> kEntities = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 && byte != '\n') return "a control character";
    if (text[i] == '>') return "a bare '>'";
    if (text[i] == '&' && std::none_of(kEntities.begin(), kEntities.end(),
                                       [&](std::string_view entity) { return text.substr(i).starts_with(entity); })) {
      return "a bare '&'";
    }
  }
  return {};
}

bool is_number_attribute(std::string_view name) {
  constexpr std::array<std::string_view, 16> kNames = {
      "d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "width", "height", "viewBox", "points", "opacity"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// Of what stands between the name of an element and its end.
std::string fault_of_attributes(std::string_view text) {
  std::set<std::string, std::less<>> names;
  std::size_t i = 0;
  while (true) {
    while (i < text.size() && std::isspace(static_cast<unsigned char>(text[i])) != 0) ++i;
    if (i == text.size()) return {};
    const std::size_t equals = text.find("=\"", i);
    if (equals == std::string_view::npos) return "an attribute without a quoted value";
    const std::string_view name = text.substr(i, equals - i);
    if (name.find_first_of(" <>\"'&") != std::string_view::npos) return "a strange name of an attribute";
    if (!names.emplace(name).second) return "an attribute twice";
    const std::size_t end = text.find('"', equals + 2);
    if (end == std::string_view::npos) return "a value without an end";
    const std::string_view value = text.substr(equals + 2, end - equals - 2);
    if (std::string fault = fault_of_text(value); !fault.empty()) return fault;
    if (is_number_attribute(name) && name != "d" &&
        (value.find("nan") != std::string_view::npos || value.find("inf") != std::string_view::npos)) {
      return "no number";
    }
    if (name == "d" && value.find_first_not_of("MLHVhZ0123456789.- ") != std::string_view::npos) return "no path";
    i = end + 1;
  }
}

}  // namespace

std::string fault_of_markup(std::string_view markup) {
  std::vector<std::string> open;
  std::size_t i = 0;
  if (markup.starts_with("<!DOCTYPE html>")) i = markup.find('>') + 1;
  while (i < markup.size()) {
    const std::size_t begin = markup.find('<', i);
    const std::string_view text = markup.substr(i, begin == std::string_view::npos ? begin : begin - i);
    const bool style = !open.empty() && open.back() == "style";
    if (std::string fault = style ? "" : fault_of_text(text); !fault.empty()) return at(markup, i, fault);
    if (begin == std::string_view::npos) break;
    const std::size_t end = markup.find('>', begin);
    if (end == std::string_view::npos) return at(markup, begin, "a tag without an end");
    std::string_view tag = markup.substr(begin + 1, end - begin - 1);
    if (tag.find('<') != std::string_view::npos) return at(markup, begin, "'<' in a tag");
    i = end + 1;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return at(markup, begin, "closes what is not open");
      open.pop_back();
      continue;
    }
    const bool closed = tag.ends_with('/');
    if (closed) tag.remove_suffix(1);
    const std::size_t name_end = std::min(tag.find_first_of(" \n"), tag.size());
    if (name_end == 0) return at(markup, begin, "a tag without a name");
    if (std::string fault = fault_of_attributes(tag.substr(name_end)); !fault.empty()) return at(markup, begin, fault);
    if (!closed) open.emplace_back(tag.substr(0, name_end));
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

}  // namespace kith::test
