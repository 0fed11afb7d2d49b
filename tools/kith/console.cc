#include "tools/kith/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "node/view/text.h"

namespace kith::tools {
namespace {

std::string painted(bool colors, Color color, std::string_view text) {
  if (!colors) return std::string(text);
  std::string_view code;
  switch (color) {
    case Color::kGood: code = "32"; break;
    case Color::kBad: code = "31"; break;
    case Color::kWarning: code = "33"; break;
    case Color::kFaint: code = "2"; break;
    case Color::kHeading: code = "1"; break;
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

long long monotonic_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Console Console::of_process() {
  Console console{.out = std::cout, .err = std::cerr};
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool colors =
      (no_color == nullptr || *no_color == '\0') && !(term != nullptr && std::string_view(term) == "dumb");
  const bool out_terminal = isatty(STDOUT_FILENO) == 1;
  console.err_terminal = isatty(STDERR_FILENO) == 1;
  console.out_colors = colors && out_terminal;
  console.err_colors = colors && console.err_terminal;
  if (out_terminal) {
    winsize size{};
    console.width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  }
  return console;
}

std::string Console::paint(Color color, std::string_view text) const { return painted(out_colors, color, text); }
std::string Console::paint_err(Color color, std::string_view text) const { return painted(err_colors, color, text); }

Progress::Progress(const Console& console, std::string what, std::size_t total)
    : console_(console), what_(std::move(what)), total_(total) {}

Progress::~Progress() {
  if (drawn_) console_.err << "\r\x1b[K" << std::flush;
}

void Progress::show(std::size_t done, std::size_t items) {
  if (!console_.err_terminal) return;
  const long long now_ms = monotonic_ms();
  if (drawn_ && now_ms - shown_at_ms_ < 100) return;
  shown_at_ms_ = now_ms;
  drawn_ = true;
  console_.err << '\r' << what_ << ' ';
  if (total_ > 0) {
    constexpr std::size_t kBarColumns = 30;
    const std::size_t filled = std::min(done, total_) * kBarColumns / total_;
    console_.err << '[' << std::string(filled, '#') << std::string(kBarColumns - filled, '.') << "] "
                 << std::min<std::size_t>(100, done * 100 / total_) << "% ";
  }
  console_.err << count_of(items, "write", "writes") << "\x1b[K" << std::flush;
}

}  // namespace kith::tools
