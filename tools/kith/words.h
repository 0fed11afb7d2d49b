// tools/kith/words.h -- one line of the shell or of a script, cut into words.
//
//     word     := (bare | 'as it is' | "with escapes" | $'with escapes')+
//     escape   := \n \r \t \0 \\ \" \' \$ \xNN      in "..", in $'..' and outside quotes (there: any other byte is
//     itself) comment  := # at the start of a word, to the end of the line
//
// So every byte, NUL included, can be written.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kith::tools {

struct WordsError {
  std::string message;
};

std::variant<std::vector<std::string>, WordsError> split_words(std::string_view line);

}  // namespace kith::tools
