#include "tools/kith/shell_words.h"

#include <algorithm>
#include <array>
#include <ostream>

#include "node/view/text.h"

namespace kith::tools {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
// A person waits for a node to be missed, for the next one, and for the replicas there; in scripts --timeout says how long.
constexpr std::int64_t kPatienceMs = 20'000;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Takes the first word off `rest`.
std::string_view take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest = trimmed(rest.substr(word.size()));
  return word;
}

// What stands between two quotation marks, or nothing and what is wrong with it.
std::optional<std::string> unescaped(std::string_view text, std::string& problem) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;
      continue;
    }
    const char next = text.empty() ? '\0' : text.front();
    if (!text.empty()) text.remove_prefix(1);
    switch (next) {
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case '"': out += '"'; break;
      case '\\': out += '\\'; break;
      case 'x':
        if (const auto byte = from_hex(text.substr(0, 2)); byte && byte->size() == 1) {
          out += *byte;
          text.remove_prefix(2);
          break;
        }
        [[fallthrough]];
      default:
        problem = "in \"..\" a backslash stands before n r t \" \\ or xNN; in '..' everything is taken as it is";
        return std::nullopt;
    }
  }
  return out;
}

std::optional<std::string> value_from(std::string_view text, std::string& problem) {
  const char quote = text.empty() ? '\0' : text.front();
  if (quote == '\'' || quote == '"') {
    if (text.size() < 2 || text.back() != quote) {
      problem = std::string("the value begins with ") + quote + " and does not end with it";
      return std::nullopt;
    }
    text = text.substr(1, text.size() - 2);
    if (quote == '"') return unescaped(text, problem);
    return std::string(text);
  }
  if (text.find_first_of(kBlanks) != std::string_view::npos) {
    problem = "a value with blanks stands in quotes: SET KEY 'VALUE'";
    return std::nullopt;
  }
  return std::string(text);
}

bool plain(std::string_view value) {
  return escaped(value).size() == value.size() + static_cast<std::size_t>(std::count(value.begin(), value.end(), '\\'));
}

std::string_view done_by(const ShellWord& word, const ClientReply& reply, bool again) {
  if (word.verb == ShellWord::Verb::kDelete) return reply.number > 0 || again ? "Deleted" : "Not found";
  if (reply.created > 0) return "Created";
  return reply.number > 0 ? "Updated" : "Written";  // Written: it was there already, by an attempt whose answer was lost.
}

}  // namespace

std::optional<std::variant<ShellWord, std::string>> parse_shell_word(std::string_view line) {
  using Parsed = std::variant<ShellWord, std::string>;
  static constexpr std::array<std::pair<std::string_view, ShellWord::Verb>, 3> kVerbs = {
      {{"SET", ShellWord::Verb::kSet}, {"GET", ShellWord::Verb::kGet}, {"DELETE", ShellWord::Verb::kDelete}}};
  std::string_view rest = line;
  const std::string_view first = take_word(rest);
  const auto verb = std::find_if(kVerbs.begin(), kVerbs.end(), [&](const auto& known) { return known.first == first; });
  if (verb == kVerbs.end()) return std::nullopt;
  ShellWord out{verb->second, std::string(take_word(rest)), {}};
  if (out.verb != ShellWord::Verb::kSet) {
    if (out.key.empty() || !rest.empty()) return Parsed(std::string(first) + " needs a key, and nothing else: " + std::string(first) + " KEY");
    return Parsed(out);
  }
  if (out.key.empty() || rest.empty()) return Parsed(std::string("SET needs a key and a value: SET KEY 'VALUE'"));
  std::string problem;
  auto value = value_from(rest, problem);
  if (!value) return Parsed(problem);
  out.value = *std::move(value);
  return Parsed(out);
}

std::string shown_value(std::string_view value) {
  if (plain(value)) return "'" + std::string(value) + "'";
  std::string out = "\"";
  for (const char c : escaped(value)) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out + "\"";
}

ExitCode run_shell_word(const ShellWord& word, Client& client, const Settings& settings, const Console& console,
                        const std::function<void()>& before_outcome) {
  const bool writes = word.verb != ShellWord::Verb::kGet;
  Request request;
  request.op = word.verb == ShellWord::Verb::kSet ? ClientOp::kSet : word.verb == ShellWord::Verb::kGet ? ClientOp::kGet : ClientOp::kDel;
  request.table = settings.table;
  request.key = word.key;
  request.value = word.value;
  request.timeout_ms = std::max<std::int64_t>(settings.timeout_ms * 4 / 5, 1);
  const std::uint64_t moves = client.moves();
  ClientReply reply;
  try {
    reply = client.call(request, std::chrono::milliseconds(settings.timeout_given ? settings.timeout_ms : std::max(settings.timeout_ms, kPatienceMs)));
    if (before_outcome) before_outcome();
  } catch (const ClientError& error) {
    if (before_outcome) before_outcome();
    console.out << (writes ? "Failed to write an entry\n" : "Failed to read an entry\n");
    console.out.flush();
    console.err << "  " << error.what() << '\n';
    return error.kind() == ClientError::Kind::kConnect ? ExitCode::kCannotConnect : ExitCode::kTimeout;
  }
  if (reply.status == Status::kRefused || reply.status == Status::kError) {
    console.out << "Error: " << reply.message << '\n';
    return ExitCode::kFailed;
  }
  if (reply.stale) console.out << "WARNING: " << reply.node << " was away for too long and has not caught up: what it shows may be gone\n";
  if (!writes) {
    const bool found = reply.status != Status::kNotFound && reply.value;
    console.out << (found ? shown_value(*reply.value) : "Not found") << '\n';
    return found ? ExitCode::kOk : ExitCode::kNotFound;
  }
  const std::string_view done = done_by(word, reply, client.moves() != moves);
  console.out << done;
  if (done == "Not found") {
    console.out << '\n';
    return ExitCode::kNotFound;
  }
  console.out << " (" << count_of(std::max<std::size_t>(reply.replicas.size(), 1), "replica", "replicas") << ")";
  if (reply.status == Status::kStored) console.out << ": " << reply.message;
  console.out << '\n';
  return reply.status == Status::kStored ? ExitCode::kTimeout : ExitCode::kOk;
}

}  // namespace kith::tools
