#include <sys/mman.h>
#include <unistd.h>

#include <sstream>

#include "crdt/check.h"
#include "node/address.h"
#include "node/config.h"
#include "tests/fuzz/targets.h"

namespace kith::fuzz {

namespace {

constexpr std::size_t kInputMax = 16 * 1024;
constexpr std::size_t kLinesMax = 64;

// A file in memory, under a name that anybody may open.
const std::string& path_of(std::string_view text) {
  static const int kFile = ::memfd_create("kithd.toml", 0);
  static const std::string kPath = "/proc/self/fd/" + std::to_string(kFile);
  KITH_CHECK(kFile >= 0 && ::ftruncate(kFile, 0) == 0, "no file in memory");
  KITH_CHECK(::pwrite(kFile, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()), "no room for a file in memory");
  return kPath;
}

// What people are shown reads as what was meant.
void check_words(const std::string& word) {
  if (const auto address = parse_address(word)) KITH_CHECK(parse_address(to_string(*address)) == address, "an address changes when it is shown", word);
  if (const auto ms = parse_duration_ms(word)) KITH_CHECK(parse_duration_ms(format_duration(*ms)) == ms, "a duration changes when it is shown", word);
  if (const auto bytes = parse_bytes(word)) KITH_CHECK(parse_bytes(format_bytes(*bytes)) == bytes, "a size changes when it is shown", word);
}

}  // namespace

void run_config(std::string_view bytes) {
  if (bytes.size() > kInputMax) return;
  std::vector<std::string> arguments;
  Environment environment;
  while (!bytes.empty() && arguments.size() + environment.size() < kLinesMax) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string line(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.empty()) break;
    check_words(line);
    const std::size_t equals = line.find('=');
    if (line.starts_with("KITH_") && equals != std::string::npos) {
      if (line.substr(0, equals) != "KITH_CONFIG") environment[line.substr(0, equals)] = line.substr(equals + 1);
    } else if (line.starts_with("--config")) {  // No other file is to be read.
      continue;
    } else {
      arguments.push_back(line);
    }
  }
  environment["KITH_CONFIG"] = path_of(bytes);
  const auto loaded = load_config(arguments, environment);
  if (const auto* exit = std::get_if<ConfigExit>(&loaded)) {
    KITH_CHECK((exit->code == 0 || exit->code == 2) && !exit->text.empty(), "it ends without a word", exit->code);
  }
  // What would be in force is a file that says the same.
  if (!std::holds_alternative<Config>(loaded)) return;
  arguments.push_back("--check-config");
  const auto shown = load_config(arguments, environment);
  const auto* text = std::get_if<ConfigExit>(&shown);
  KITH_CHECK(text != nullptr && text->code == 0, "what is in force cannot be shown");
  environment = {{"KITH_CONFIG", path_of(text->text)}};
  const auto again = load_config({"--check-config"}, environment);
  const auto* second = std::get_if<ConfigExit>(&again);
  KITH_CHECK(second != nullptr && second->code == 0, "what is shown to be in force is no file of settings", second ? second->text : "", text->text);
}

}  // namespace kith::fuzz
