#include "tools/kith/words.h"

#include <optional>

#include "node/view/text.h"

namespace kith::tools {
namespace {

class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  std::variant<std::vector<std::string>, WordsError> run() {
    while (!rest_.empty() && !error_) {
      const char c = rest_.front();
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        finish_word();
        rest_.remove_prefix(1);
      } else if (c == '#' && !in_word_) {
        break;
      } else {
        in_word_ = true;
        take_piece();
      }
    }
    finish_word();
    if (error_) return *error_;
    return std::move(words_);
  }

 private:
  void finish_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  void take_piece() {
    if (rest_.front() == '\'') return take_quoted("'", false);
    if (rest_.front() == '"') return take_quoted("\"", true);
    if (rest_.starts_with("$'")) return take_quoted("$'", true);
    if (rest_.front() == '\\') return take_escape(true);
    word_ += rest_.front();
    rest_.remove_prefix(1);
  }

  void take_quoted(std::string_view open, bool escapes) {
    const char close = open.back();
    rest_.remove_prefix(open.size());
    while (!rest_.empty() && rest_.front() != close && !error_) {
      if (escapes && rest_.front() == '\\') {
        take_escape(false);
      } else {
        word_ += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    if (rest_.empty()) {
      if (!error_) error_ = WordsError{"a quote is opened with " + std::string(open) + " and never closed"};
    } else {
      rest_.remove_prefix(1);
    }
  }

  void take_escape(bool outside_quotes) {
    if (rest_.size() < 2) {
      error_ = WordsError{"the line ends in a backslash"};
      return;
    }
    const char c = rest_[1];
    std::size_t used = 2;
    switch (c) {
      case 'n': word_ += '\n'; break;
      case 'r': word_ += '\r'; break;
      case 't': word_ += '\t'; break;
      case '0': word_ += '\0'; break;
      case 'x': {
        const auto byte = rest_.size() >= 4 ? from_hex(rest_.substr(2, 2)) : std::nullopt;
        if (!byte) {
          error_ = WordsError{"\\x needs two hex digits, as in \\x0a"};
          return;
        }
        word_ += *byte;
        used = 4;
        break;
      }
      default:
        if (!outside_quotes && std::string_view("\\\"'$").find(c) == std::string_view::npos) {
          error_ =
              WordsError{"\\" + escaped(std::string_view(&c, 1)) + " means nothing in quotes; a backslash is \\\\"};
          return;
        }
        word_ += c;
    }
    rest_.remove_prefix(used);
  }

  std::string_view rest_;
  std::vector<std::string> words_;
  std::string word_;
  bool in_word_ = false;
  std::optional<WordsError> error_;
};

}  // namespace

std::variant<std::vector<std::string>, WordsError> split_words(std::string_view line) { return Splitter(line).run(); }

}  // namespace kith::tools
