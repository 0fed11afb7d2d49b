// Words to event: the patterns are tried in their order, and when none fits, the error speaks of the furthest that any
// of them came.
#include <algorithm>
#include <limits>

#include "gossip/operation.h"
#include "sim/event.h"
#include "sim/event_grammar.h"
#include "sim/spelling.h"

namespace kith::sim {

namespace {

struct Token {
  enum class Kind : std::uint8_t { kWord, kQuoted, kLabel, kSign } kind;
  std::string text;               // Without quotes, escapes and the '#'.
  std::size_t begin = 0, end = 0;  // In the words.
};

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// ---- Words to tokens

class Scanner {
 public:
  explicit Scanner(std::string_view words) : words_(words) {}

  // False: `problem` says why.  A comment begins with a '#' that is followed by a blank, another '#' or nothing.
  bool run(std::vector<Token>& out, std::string& problem) {
    for (;;) {
      while (!done() && (peek() == ' ' || peek() == '\t' || peek() == '\r')) ++at_;
      if (done() || comment()) return true;
      Token token{Token::Kind::kWord, "", at_, at_};
      if (peek() == '"') {
        token.kind = Token::Kind::kQuoted;
        if (!quoted(token.text, problem)) return false;
      } else if (peek() == '#') {
        token.kind = Token::Kind::kLabel;
        ++at_;
        if (!(peek() == '"' ? quoted(token.text, problem) : plain(token.text, problem))) return false;
      } else if (std::string_view("[]{}=").find(peek()) != std::string_view::npos) {
        token.kind = Token::Kind::kSign;
        token.text = peek();
        ++at_;
      } else if (!plain(token.text, problem)) {
        return false;
      }
      token.end = at_;
      out.push_back(std::move(token));
    }
  }

 private:
  bool done() const { return at_ == words_.size(); }
  char peek() const { return words_[at_]; }
  bool comment() const {
    if (peek() != '#') return false;
    return at_ + 1 == words_.size() || std::string_view(" \t\r#").find(words_[at_ + 1]) != std::string_view::npos;
  }

  bool plain(std::string& text, std::string& problem) {
    // Bytes of UTF-8 may stand as they are: what is written by hand should not have to be escaped.
    while (!done() && (is_word_byte(peek()) || static_cast<unsigned char>(peek()) >= 0x80)) text += words_[at_++];
    if (!text.empty()) return true;
    const std::string sign = printable(words_.substr(at_, 1));
    problem = "'" + sign + "' stands where nothing begins with it; words with such signs go in quotes, as in \"a" +
              sign + "b\"";
    return false;
  }

  bool quoted(std::string& text, std::string& problem) {
    const std::size_t begin = at_++;
    for (; !done(); ++at_) {
      if (peek() == '"') {
        ++at_;
        return true;
      }
      if (peek() != '\\') {
        text += peek();
        continue;
      }
      const char next = at_ + 1 < words_.size() ? words_[at_ + 1] : '\0';
      const int high = at_ + 2 < words_.size() ? hex_value(words_[at_ + 2]) : -1;
      const int low = at_ + 3 < words_.size() ? hex_value(words_[at_ + 3]) : -1;
      if (next == '"' || next == '\\') {
        text += next;
        at_ += 1;
      } else if (next == 'x' && high >= 0 && low >= 0) {
        text += static_cast<char>(high * 16 + low);
        at_ += 3;
      } else {
        problem = "in quotes a \\ is followed by \", \\ or xNN, not so in " +
            printable(words_.substr(begin, at_ + 4 - begin));
        return false;
      }
    }
    problem = "the quotes of " + printable(words_.substr(begin, 24)) + " do not end";
    return false;
  }

  std::string_view words_;
  std::size_t at_ = 0;
};

// ---- Tokens to event

class Parser {
 public:
  Parser(std::string_view words, const std::vector<Token>& tokens) : words_(words), tokens_(tokens) {}

  std::optional<Event> run(std::string& problem) {
    std::int64_t at_us = 0;
    begin_element();
    bool understood = literal("at");
    begin_element();
    if (understood && span(at_us, false)) {
      const std::size_t action = next_, element = element_;
      for (const Pattern& pattern : event_patterns()) {
        next_ = action;
        element_ = element;
        Event event;
        event.at_us = at_us;
        event.action = pattern.action;
        event.bridged = pattern.bridged;
        unlikely_ = known_action(action) && pattern.elements.front().slot == Slot::kSession ? action + 1 : kNowhere;
        if (matches(pattern, event)) return event;
      }
    }
    problem = explain();
    return std::nullopt;
  }

 private:
  using Kind = Token::Kind;

  // ---- Where things are

  bool more() const { return next_ < tokens_.size(); }
  bool is(Kind kind, std::string_view text) const {
    return more() && tokens_[next_].kind == kind && tokens_[next_].text == text;
  }
  bool is_name() const {
    return more() && (tokens_[next_].kind == Kind::kWord || tokens_[next_].kind == Kind::kQuoted);
  }
  bool known_action(std::size_t token) const {
    const auto& actions = first_words_of_events();
    return token < tokens_.size() && tokens_[token].kind == Kind::kWord &&
           std::find(actions.begin(), actions.end(), tokens_[token].text) != actions.end();
  }
  void begin_element() {
    before_ = element_;
    element_ = next_;
  }

  // Always false.  Remembers what would have fitted here, if nobody came further.
  bool expected(const std::string& what) {
    if (next_ < furthest_ || next_ == unlikely_) return false;
    if (next_ > furthest_ || expectations_.empty()) {
      expectations_.clear();
      furthest_ = next_;
      after_ = element_ < next_ ? element_ : before_;
    }
    if (std::find(expectations_.begin(), expectations_.end(), what) == expectations_.end()) {
      expectations_.push_back(what);
    }
    return false;
  }

  // ---- Elements

  bool literal(std::string_view word) {
    if (!is(Kind::kWord, word) && !is(Kind::kSign, word)) return expected("'" + std::string(word) + "'");
    ++next_;
    return true;
  }

  bool name(std::string& out, const char* what) {
    if (!is_name()) return expected(what);
    out = tokens_[next_++].text;
    return true;
  }

  bool span(std::int64_t& out, bool with_sign) {
    const char* const what = with_sign ? "a duration such as +1h or -250ms" : "a duration such as 250ms or 1.5s";
    if (!more() || tokens_[next_].kind != Kind::kWord) return expected(what);
    const auto us = parse_duration(tokens_[next_].text);
    if (!us || (*us < 0 && !with_sign)) return expected(what);
    out = *us;
    ++next_;
    return true;
  }

  bool lasts(std::int64_t& out) {
    const std::size_t before = next_;
    if (!span(out, false)) return false;
    if (out > 0) return true;
    next_ = before;
    return expected("a duration above zero such as 250ms or 1.5s");
  }

  bool share(std::optional<double>& out) {
    const char* const what = "a share from 0% to 100%, such as 2.5%";
    if (!more() || tokens_[next_].kind != Kind::kWord) return expected(what);
    const auto parsed = parse_share(tokens_[next_].text);
    if (!parsed) return expected(what);
    out = parsed;
    ++next_;
    return true;
  }

  // "[n1 n2]", or one name that is none of the words which come between groups.
  bool nodes(Event& event) {
    static const std::vector<std::string> kBetween = {"from", "to", "and", "over", "bridged", "by", "through", "of",
                                                      "take", "at"};
    if (is(Kind::kSign, "[")) {
      ++next_;
      std::vector<std::string> group;
      while (is_name()) group.push_back(tokens_[next_++].text);
      if (group.empty()) return expected("the name of a node or group");
      if (!is(Kind::kSign, "]")) {
        expected("another name");
        return expected("']'");
      }
      ++next_;
      event.groups.push_back(std::move(group));
      return true;
    }
    const bool between = more() && tokens_[next_].kind == Kind::kWord &&
                         std::find(kBetween.begin(), kBetween.end(), tokens_[next_].text) != kBetween.end();
    if (!is_name() || between) return expected("nodes such as [n1 n2]");
    event.groups.push_back({tokens_[next_++].text});
    return true;
  }

  bool nodes_more(Event& event) {
    if (!nodes(event)) return false;
    begin_element();
    if (!nodes(event)) return false;
    for (begin_element(); more() && !is(Kind::kWord, "bridged"); begin_element()) {
      if (!nodes(event)) return false;
    }
    expected("more nodes");
    return true;
  }

  bool members(Event& event, const std::string& end, bool or_none) {
    while (is_name() && !is(Kind::kWord, end)) event.members.push_back(tokens_[next_++].text);
    if (event.members.empty() && !or_none) return expected("a member");
    if (!is(Kind::kWord, end) && !is(Kind::kSign, end)) expected("another member");
    return true;
  }

  bool weather(Weather& out) {
    for (;;) {
      bool found = false;
      for (const WeatherPart& part : weather_parts()) {
        const bool said = part.time != nullptr ? (out.*part.time).has_value() : (out.*part.share).has_value();
        if (said || !literal(part.word)) continue;
        found = true;
        if (part.share != nullptr && !share(out.*part.share)) return false;
        std::int64_t us = 0;
        if (part.time != nullptr) {
          if (!span(us, false)) return false;
          out.*part.time = us;
        }
        begin_element();
      }
      if (!found) return true;
    }
  }

  bool label(std::string& out) {
    if (!more() || tokens_[next_].kind != Kind::kLabel || tokens_[next_].text.empty()) {
      return expected("a label such as #first");
    }
    out = tokens_[next_++].text;
    return true;
  }

  bool outcome(Event& event) {
    for (const char* word : {"ok", "stored", "refused", "unanswered"}) {
      if (!literal(word)) continue;
      event.outcome = word;
      if (event.outcome != "refused") return true;
      if (is_name() && !tokens_[next_].text.empty()) event.value = tokens_[next_++].text;
      else expected("a reason such as retry_window_passed");
      return true;
    }
    return false;
  }

  bool with(Event& event) {
    if (!literal("with")) return true;
    if (is(Kind::kWord, "all")) {
      ++next_;
      event.replicas = kAllReplicas;
      return true;
    }
    const auto count = more() && tokens_[next_].kind == Kind::kWord ? parse_whole(tokens_[next_].text) : std::nullopt;
    if (!count || *count < 1 || *count >= std::int64_t{kAllReplicas}) return expected("how many replicas, or 'all'");
    event.replicas = static_cast<std::uint32_t>(*count);
    ++next_;
    return true;
  }

  bool whole(std::int64_t& out, const char* what, bool zero = true) {
    const auto number = more() && tokens_[next_].kind == Kind::kWord ? parse_whole(tokens_[next_].text) : std::nullopt;
    if (!number || (*number == 0 && !zero)) return expected(what);
    out = *number;
    ++next_;
    return true;
  }

  bool matches(const Pattern& pattern, Event& event) {
    for (std::size_t i = 0; i < pattern.elements.size(); ++i) {
      begin_element();
      const std::string& end = pattern.elements[std::min(i + 1, pattern.elements.size() - 1)].word;
      if (!element(pattern.elements[i], end, event)) return false;
    }
    begin_element();
    return next_ == tokens_.size() || expected("the end");
  }

  // `end`: the literal behind it, if there is one.
  bool element(const Element& it, const std::string& end, Event& event) {
    switch (it.slot) {
      case Slot::kLiteral: return literal(it.word);
      case Slot::kNodes: return nodes(event);
      case Slot::kNodesMore: return nodes_more(event);
      case Slot::kNode: event.groups.emplace_back(1); return name(event.groups.back().front(), "a node");
      case Slot::kName: return name(event.name, "the name of the new node");
      case Slot::kSpan: return span(event.amount, false);
      case Slot::kLasts: return lasts(event.lasts_us);
      case Slot::kFor:
        return !literal("for") || lasts(event.lasts_us);
      case Slot::kSignedSpan: return span(event.amount, true);
      case Slot::kPpm: return whole(event.amount, "a whole number such as +200 or -50");
      case Slot::kAmount:
        return whole(event.amount, "a whole number such as 5 or -5", event.action != Action::kIncrement);
      case Slot::kWeather: return weather(event.weather);
      case Slot::kSession:
        if (!name(event.session, "a session")) return false;
        if (event.session == "nobody") event.session.clear();
        return true;
      case Slot::kMembers: return members(event, end, false);
      case Slot::kMembersOrNone: return members(event, end, true);
      case Slot::kKey: return name(event.key, "a key");
      case Slot::kField: event.members.emplace_back(); return name(event.members.back(), "a field");
      case Slot::kValue: return name(event.value, "a value");
      case Slot::kLabel: return label(event.label);
      case Slot::kOutcome: return outcome(event);
      case Slot::kWith: return with(event);
      case Slot::kAs: return !literal("as") || label(event.label);
    }
    return false;
  }

  // ---- What to say

  std::string slice(std::size_t first, std::size_t last) const {  // Tokens from `first` to before `last`, as written.
    const std::size_t begin = tokens_[first].begin, end = tokens_[last - 1].end;
    const std::string text = printable(words_.substr(begin, end - begin));
    return text.size() <= 60 ? text : "..." + text.substr(text.size() - 57);
  }

  std::string explain() const {
    constexpr std::size_t kActionToken = 2;  // "at", a duration, and then it.
    const std::string found = furthest_ < tokens_.size() ? "'" + slice(furthest_, furthest_ + 1) + "'" : "the end";
    if (furthest_ == kActionToken) {
      return "expected an action such as 'cut', 'crash' or 'alice adds' after " + slice(1, 2) + ", found " + found;
    }
    if (furthest_ == kActionToken + 1) {
      const std::string& first = tokens_[kActionToken].text;
      if (const auto meant = nearest(first, first_words_of_events()); !known_action(kActionToken) && meant) {
        return "there is no action '" + printable(first) + "'; did you mean '" + *meant + "'?";
      }
    }
    const std::string after = furthest_ == 0 ? "" : " after " + slice(after_, furthest_);
    return "expected " + one_of(expectations_) + after + ", found " + found;
  }

  std::string_view words_;
  const std::vector<Token>& tokens_;
  std::size_t next_ = 0;
  std::size_t element_ = 0, before_ = 0;  // Where the element that is being read begins, and the one before it.
  std::size_t furthest_ = 0, after_ = 0;
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();
  std::size_t unlikely_ = kNowhere;  // Where 'adds' is no guess: behind "cut", which may be a session but hardly is.
  std::vector<std::string> expectations_;
};

}  // namespace

std::optional<Event> parse_event(std::string_view words, std::string& problem) {
  constexpr std::size_t kShown = 100;
  std::vector<Token> tokens;
  std::optional<Event> event;
  std::string what;
  if (Scanner(words).run(tokens, what)) event = Parser(words, tokens).run(what);
  if (event) return event;
  const std::string shown = printable(words.substr(0, kShown));
  problem = (shown.empty() ? "an empty line" : shown + (words.size() > kShown ? "..." : "")) + ": " + what;
  return std::nullopt;
}

}  // namespace kith::sim
