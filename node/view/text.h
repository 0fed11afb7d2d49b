// node/view/text.h -- bytes, times and sizes as people read them.  Pure functions; more of them in node/json_text.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith {

// Printable text as it is; control bytes and what is not UTF-8 as \xNN; a backslash as two.  Never holds a newline.
std::string escaped(std::string_view bytes);

// For pasting into a shell: bare when harmless, else in quotes.  Undone by sh (bash where bytes do not print) and by
// split_words().
std::string quoted(std::string_view bytes);

std::optional<std::string> from_hex(std::string_view digits);

// Columns on a terminal; counts code points, so wide glyphs are off by one.
std::size_t display_width(std::string_view text);
// Cut to `width` columns, the last an ellipsis when something was cut.  REQUIRES: width > 0.
std::string cut_to_width(std::string_view text, std::size_t width);

std::string duration_in_words(std::int64_t ms);   // "850 ms", "3.2 s", "12 min", "5 h", "3 days"
std::string bytes_in_words(std::uint64_t bytes);  // "312 B", "4.1 KiB"
std::string utc_clock(std::int64_t unix_ms);      // "12:03:04 UTC"; with the date when not of today's.
std::string utc_clock(std::int64_t unix_ms, std::int64_t now_ms);
std::string listed(const std::vector<std::string>& names);  // "n1, n2 and n3"
std::string count_of(std::uint64_t number, std::string_view one, std::string_view many);  // "1 key", "2 keys"

std::optional<std::int64_t> duration_from(std::string_view text);  // "200ms", "5s", "2m", "1h", "7d"; bare: seconds.
std::optional<std::uint64_t> number_from(std::string_view text);      // Decimal digits only.

// The candidate that was probably meant; nothing when none is near.
std::optional<std::string> closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace kith
