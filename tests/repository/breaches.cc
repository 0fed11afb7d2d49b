#include "tests/repository/breaches.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <map>
#include <utility>

namespace kith::test {
namespace {

// What each folder may include of ours.
const std::map<std::string, std::vector<std::string>, std::less<>> kMayInclude = {
    {"crdt", {"crdt"}},
    {"store", {"crdt", "store"}},
    {"gossip", {"crdt", "store", "gossip"}},
    {"node", {"crdt", "store", "gossip", "node"}},
    {"node/view", {"crdt", "store", "gossip", "node", "node/view"}},
    {"node/http", {"crdt", "store", "gossip", "node", "node/view", "node/http"}},
    {"sim", {"crdt", "store", "gossip", "sim"}},
    {"tools", {"crdt", "store", "gossip", "node", "node/view", "sim", "tools"}},
    {"tests", {"crdt", "store", "gossip", "node", "node/view", "node/http", "sim", "tools", "tests"}},
};

bool one_of(std::string_view wanted, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

// A folder inside of another one that has rules of its own counts as one by itself.
std::string folder_of(std::string_view path) {
  const std::size_t top = path.find('/');
  const std::string inner(path.substr(0, top == std::string_view::npos ? top : path.find('/', top + 1)));
  return kMayInclude.contains(inner) ? inner : std::string(path.substr(0, top));
}

// A word that stands by itself: "std::getenv" in "std::getenv(" but not in "my_getenv_like".
bool has_word(const std::string& code, const std::string& word) {
  const auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = code.find(word); at != std::string::npos; at = code.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !part(code[at - 1])) && (end == code.size() || !part(code[end]))) return true;
  }
  return false;
}

struct Include {
  std::string header;  // Empty: the line includes nothing.
  bool ours = false;   // In quotes.
};

Include include_in(std::string_view code) {
  const auto skip_spaces = [&code] { code.remove_prefix(std::min(code.find_first_not_of(" \t"), code.size())); };
  for (const std::string_view token : {"#", "include"}) {
    skip_spaces();
    if (!code.starts_with(token)) return {};
    code.remove_prefix(token.size());
  }
  skip_spaces();
  if (code.empty() || (code.front() != '"' && code.front() != '<')) return {};
  const bool ours = code.front() == '"';
  code.remove_prefix(1);
  return {std::string(code.substr(0, code.find(ours ? '"' : '>'))), ours};
}

enum class Library { kZmq, kLmdb, kMsgpack, kAsio, kOtherHeavy, kLight };

Library library_of(const std::string& header) {
  if (header.starts_with("zmq")) return Library::kZmq;
  if (header == "lmdb.h") return Library::kLmdb;
  if (header.starts_with("asio")) return Library::kAsio;
  if (header.starts_with("msgpack")) return Library::kMsgpack;
  if (header.ends_with("_fwd.hpp") || header.ends_with("/fwd.h")) return Library::kLight;  // Declarations only.
  for (const char* heavy : {"spdlog/", "fmt/", "CLI/", "nlohmann/", "toml++/", "benchmark/", "histedit.h",
                            "editline/", "httplib.h", "prometheus/"}) {
    if (header.starts_with(heavy)) return Library::kOtherHeavy;
  }
  return Library::kLight;
}

class File {
 public:
  // The program of a node puts all that a node has together, whatever folder of node/ it is in.
  explicit File(std::string_view path)
      : path_(path), folder_(path == "node/kithd_main.cc" ? "node/http" : folder_of(path)), header_(path.ends_with(".h")), tests_(folder_ == "tests") {}

  void line(const std::string& raw) {
    ++number_;
    if (raw.starts_with("#pragma once")) pragma_once_ = true;
    check_unfinished(raw);
    const std::string code = raw.substr(0, raw.find("//"));
    const Include include = include_in(code);
    if (include.header.empty()) {
      check_words(code);
    } else if (include.ours) {
      check_own_include(include.header);
    } else {
      check_library(include.header);
    }
  }

  std::vector<Breach> finish() {
    if (header_ && !pragma_once_) found_.push_back({0, "a header without #pragma once"});
    return std::move(found_);
  }

 private:
  void breach(const std::string& what) { found_.push_back({number_, what}); }

  void check_unfinished(const std::string& raw) {
    for (const char* word : {"TO" "DO", "FIX" "ME", "XX" "X"}) {  // In two parts, or this file would be a breach.
      if (has_word(raw, word)) breach(std::string(word) + " leaves something for later");
    }
  }

  void check_own_include(const std::string& header) {
    const auto allowed = kMayInclude.find(folder_);
    if (allowed == kMayInclude.end()) return;
    const std::string theirs = folder_of(header);
    if (one_of(header, {"gossip/probe.h", "gossip/detector.h"}) && decides_about_data()) breach("\"" + header + "\" where data is decided about");
    if (header.find('/') == std::string::npos || kMayInclude.find(theirs) == kMayInclude.end()) {
      breach("\"" + header + "\" is not a path from the top of the repository");
    } else if (std::find(allowed->second.begin(), allowed->second.end(), theirs) == allowed->second.end()) {
      breach(folder_ + "/ includes \"" + header + "\", against the one direction");
    }
  }

  void check_library(const std::string& header) {
    const Library library = library_of(header);
    if (tests_) return;
    const bool benchmark = path_.starts_with("tools/bench");
    if (library == Library::kZmq && folder_ != "node") breach("ZeroMQ outside node/: <" + header + ">");
    if (library == Library::kLmdb && folder_ != "store" && !benchmark) breach("LMDB outside store/: <" + header + ">");
    if (library == Library::kAsio && !path_.starts_with("node/redis/")) breach("asio outside node/redis/: <" + header + ">");
    if (library != Library::kLight && header_) breach("a heavy header in a header of ours: <" + header + ">");
    if (!pure()) return;
    const bool store_lock = folder_ == "store" && one_of(header, {"mutex", "shared_mutex"});
    if (!store_lock && one_of(header, {"chrono", "thread", "mutex", "shared_mutex", "condition_variable", "future",
                                       "ctime", "time.h", "sys/time.h", "pthread.h", "stop_token", "semaphore"})) {
      breach("a clock or thread in " + folder_ + "/: <" + header + ">");
    }
  }

  void check_words(const std::string& code) {
    if (!pure()) return;
    for (const char* word : {"believed_dead", "next_living"}) {
      if (has_word(code, word) && decides_about_data()) breach(std::string(word) + " where data is decided about");
    }
    for (const char* word : {"getenv", "secure_getenv", "random_device", "system_clock", "steady_clock",
                             "clock_gettime", "gettimeofday", "pthread_create", "sleep_for", "usleep", "nanosleep"}) {
      if (has_word(code, word)) breach(std::string(word) + " in " + folder_ + "/, which is handed what it needs");
    }
  }

  // Failure detection itself, whom a round and a relay begin with, what clients are told of the living, and who puts them together.
  bool decides_about_data() const {
    return pure() && !one_of(path_, {"gossip/core.h", "gossip/core.cc", "gossip/engine.cc", "gossip/round.cc"}) &&
           !path_.starts_with("gossip/probe.") && !path_.starts_with("gossip/roster_of.") && !path_.starts_with("gossip/detector");
  }
  // Handed its clock and its randomness.
  bool pure() const { return folder_ == "crdt" || folder_ == "store" || folder_ == "gossip"; }

  const std::string path_;
  const std::string folder_;
  const bool header_;
  const bool tests_;
  bool pragma_once_ = false;
  std::size_t number_ = 0;
  std::vector<Breach> found_;
};

}  // namespace

std::vector<Breach> breaches(std::string_view path, std::string_view text) {
  File file(path);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    file.line(std::string(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return file.finish();
}

}  // namespace kith::test
