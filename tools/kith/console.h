// tools/kith/console.h -- where a command writes, and what that place can show.
//
// Results go to `out`, everything else to `err`.  Colours only where a terminal is and NO_COLOR is not set.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace kith::tools {

enum class Color { kGood, kBad, kWarning, kFaint, kHeading };

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool out_colors = false;
  bool err_colors = false;
  std::size_t width = 0;       // Columns of the terminal behind `out`; 0: not a terminal, no limit.
  bool err_terminal = false;   // Then a progress bar may be drawn.

  static Console of_process();  // Standard output and error.

  std::string paint(Color color, std::string_view text) const;      // For `out`.
  std::string paint_err(Color color, std::string_view text) const;  // For `err`.
};

// One line on a terminal that is overwritten as work goes on; nothing elsewhere.
class Progress {
 public:
  // `total` 0: unknown.
  Progress(const Console& console, std::string what, std::size_t total);
  ~Progress();  // Clears its line.
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::size_t done, std::size_t items);  // At most ten times a second.

 private:
  const Console& console_;
  std::string what_;
  std::size_t total_;
  long long shown_at_ms_ = 0;
  bool drawn_ = false;
};

}  // namespace kith::tools
