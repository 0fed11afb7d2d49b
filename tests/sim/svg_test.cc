// tests/sim/svg_test.cc -- the canvas, the marks of axes, and numbers in words.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "sim/svg.h"
#include "sim/ticks.h"
#include "sim/words.h"
#include "tests/sim/markup_check.h"

namespace kith::test {
namespace {

using namespace kith::sim;

std::string labels(const std::vector<Tick>& ticks) {
  std::string all;
  for (const Tick& tick : ticks) all += (all.empty() ? "" : " | ") + tick.label;
  for (std::size_t at; (at = all.find(kNoBreakSpace)) != std::string::npos;) all.replace(at, kNoBreakSpace.size(), "_");
  return all;
}

std::string plain(std::string text) {
  for (std::size_t at; (at = text.find(kNoBreakSpace)) != std::string::npos;)
    text.replace(at, kNoBreakSpace.size(), " ");
  return text;
}

TEST_CASE("markup check: finds what is not well-formed") {
  CHECK(fault_of_markup("<a b=\"1\">x &amp; y<c/></a>").empty());
  for (const char* wrong : {"<a>", "</a>", "<a><b></a></b>", "<a b=1/>", "<a b=\"1\" b=\"2\"/>", "<a>x & y</a>",
                            "<a>1 > 0</a>", "<a b=\"<\"/>", "<a", "<path d=\"M0 nan\"/>", "<path d=\"M0 inf\"/>",
                            "<rect x=\"-nan\"/>", "<a>\x01</a>", "<>x</>"}) {
    CHECK_MESSAGE(!fault_of_markup(wrong).empty(), wrong);
  }
}

TEST_CASE("svg: whatever is written, what comes out is well-formed") {
  const std::vector<std::string> texts = {"<b>&\"'",
                                          "]]>",
                                          "<!--",
                                          "a\nb\tc",
                                          std::string("\0\x01\x7F", 3),
                                          "\xC3\x28",
                                          "\xE2\x82",
                                          "\xED\xA0\x80",
                                          "\xC0\xAF",
                                          "\xEF\xBF\xBF",
                                          "\xF4\x90\x80\x80",
                                          "caf\xC3\xA9 \xF0\x9F\x98\x80"};
  for (const std::string& text : texts) {
    Svg svg(100, 50, text, text);
    svg.rect({1, 2, 3, 4}, text, text);
    svg.path(Path().move(0, 0).line(1, 1).horizontal(2).vertical(3).run(0, 1, 2).close(), text, text);
    svg.text(0, 0, text, text, Anchor::kEnd);
    svg.line(0, 0, 1, 1, text);
    svg.circle(1, 1, 1, text);
    for (const bool standalone : {false, true}) CHECK(fault_of_markup(svg.finish(standalone)) == "");
  }
}

TEST_CASE("svg: text is escaped, and bytes that are no characters are replaced") {
  CHECK(escape_markup("<b>&\"'") == "&lt;b&gt;&amp;&quot;&#39;");
  CHECK(escape_markup("caf\xC3\xA9") == "caf\xC3\xA9");
  CHECK(escape_markup("a\xC3(") == "a\xEF\xBF\xBD(");
  CHECK(escape_markup(std::string("\0", 1)) == "\xEF\xBF\xBD");
  CHECK(escape_markup("a\nb") == "a b");
}

TEST_CASE("svg: coordinates have one decimal at most") {
  CHECK(coordinate(0) == "0");
  CHECK(coordinate(-0.04) == "0");
  CHECK(coordinate(12.34) == "12.3");
  CHECK(coordinate(-12.06) == "-12.1");
  CHECK(coordinate(-0.5) == "-0.5");
  CHECK(coordinate(1e300) == "1000000000");
}

TEST_CASE("svg: boxes without an area, paths and texts without anything leave no trace") {
  Svg empty(10, 10, "x", "y"), drawn(10, 10, "x", "y");
  drawn.rect({0, 0, 0, 5}, "a");
  drawn.rect({0, 0, -1, 5}, "a");
  drawn.rect({0, 0, std::numeric_limits<double>::quiet_NaN(), 5}, "a");
  drawn.path(Path(), "a");
  drawn.text(0, 0, "a", "");
  CHECK(drawn.finish() == empty.finish());
}

TEST_CASE("svg: text is cut between characters, or left out") {
  CHECK(fit_text("short", 100, 12) == "short");
  const std::string cut = fit_text("\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 45, 12);
  CHECK(cut.ends_with("\xE2\x80\xA6"));
  CHECK(escape_markup(cut) == cut);
  CHECK(text_width(cut, 12) <= 45);
  CHECK(fit_text("a long name", 10, 12).empty());
}

TEST_CASE("ticks: steps of 1, 2 and 5, up to or above the greatest value") {
  CHECK(labels(linear_ticks(1, 4, Unit::kShare)) == "0_% | 50_% | 100_%");
  CHECK(labels(linear_ticks(3620, 3, Unit::kCount)) == "0 | 2,000 | 4,000");
  CHECK(labels(linear_ticks(3, 3, Unit::kCount)) == "0 | 1 | 2 | 3");
  CHECK(labels(linear_ticks(14'000, 3, Unit::kBytes)) == "0_B | 5_kB | 10_kB | 15_kB");
  for (const double nothing :
       {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CHECK(labels(linear_ticks(nothing, 3, Unit::kCount)) == "0 | 1");
  }
  for (double max = 1e-3; max < 1e15; max *= 1.37) {
    const std::vector<Tick> ticks = linear_ticks(max, 3, Unit::kBytes);
    CHECK(ticks.size() >= 2);
    CHECK(ticks.size() <= 5);
    CHECK(ticks.back().value >= max * 0.999);
  }
}

TEST_CASE("ticks: time has steps that people know") {
  CHECK(labels(time_ticks(60'000'000, 10)) == "0 | 10_s | 20_s | 30_s | 40_s | 50_s | 60_s");
  CHECK(labels(time_ticks(8LL * 86'400'000'000, 5)) == "0 | 2_d | 4_d | 6_d | 8_d");
  CHECK(labels(time_ticks(36'000'000'000, 5)) == "0 | 2_h | 4_h | 6_h | 8_h | 10_h");
  CHECK(labels(time_ticks(1'200, 3)) == "0 | 500_\xC2\xB5s | 1,000_\xC2\xB5s");
  for (std::int64_t end = 1; end < std::int64_t{1} << 50; end = end * 3 + 1) {
    const std::size_t ticks = time_ticks(end, 5).size();
    CHECK(ticks >= 1);
    CHECK(ticks <= 6);
  }
}

TEST_CASE("ticks: durations span what they must hold") {
  CHECK(labels(duration_ticks(17'000, 1'300'000)) == "10_ms | 100_ms | 1_s | 10_s");
  CHECK(labels(duration_ticks(30'000'000, 30'000'000)) == "10_s | 1_min");
  for (std::int64_t max = 1; max < std::int64_t{1} << 46; max *= 7) {
    const std::vector<Tick> ticks = duration_ticks(1, max);
    CHECK(ticks.size() >= 2);
    CHECK(ticks.back().value >= static_cast<double>(max));
  }
}

TEST_CASE("scale: values outside go to the nearer end, and no range is a point") {
  const Scale linear{0, 10, 100, 200, false}, logarithmic{1, 100, 0, 10, true}, point{5, 5, 7, 9, false};
  CHECK(linear(5) == 150);
  CHECK(linear(-1) == 100);
  CHECK(linear(11) == 200);
  CHECK(logarithmic(10) == doctest::Approx(5));
  CHECK(logarithmic(0) == 0);
  CHECK(point(5) == 7);
}

TEST_CASE("words: numbers as people write them") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(1'234'567) == "1,234,567");
  CHECK(plain(plural(1, "node")) == "1 node");
  CHECK(plain(plural(0, "node")) == "0 nodes");
  CHECK(plain(in_words_time(0)) == "0 \xC2\xB5s");
  CHECK(plain(in_words_time(350)) == "350 \xC2\xB5s");
  CHECK(plain(in_words_time(12'340)) == "12.3 ms");
  CHECK(plain(in_words_time(999'600)) == "1 s");
  CHECK(plain(in_words_time(1'300'000)) == "1.3 s");
  CHECK(plain(in_words_time(125'000'000)) == "2 min 5 s");
  CHECK(plain(in_words_time(12'000'000'000)) == "3 h 20 min");
  CHECK(plain(in_words_time(3'599'999'999)) == "1 h");
  CHECK(plain(in_words_time(8 * 86'400'000'000LL + 7'200'000'000LL)) == "8 d 2 h");
  CHECK(plain(in_words_time(-1'500'000)) == "-1.5 s");
  CHECK(plain(in_words_bytes(0)) == "0 B");
  CHECK(plain(in_words_bytes(999.6)) == "1 kB");
  CHECK(plain(in_words_bytes(48'230)) == "48.2 kB");
  CHECK(plain(in_words_number(0.254)) == "0.25");
  CHECK(plain(in_words_number(12'345.4)) == "12,345");
}

TEST_CASE("words: only all is 100 %, and only nothing is 0 %") {
  CHECK(plain(in_words_share(1)) == "100 %");
  CHECK(plain(in_words_share(0.99999)) == "99.9 %");
  CHECK(plain(in_words_share(0)) == "0 %");
  CHECK(plain(in_words_share(0.00001)) == "0.1 %");
  CHECK(plain(in_words_share(0.5)) == "50 %");
}

}  // namespace
}  // namespace kith::test
