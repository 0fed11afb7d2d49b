#include "node/redis/command_docs.h"

#include <algorithm>
#include <optional>
#include <string>

#include "node/redis/command_table.h"

namespace kith::redis {

namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_token(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::vector<ArgumentSpec> arguments_of(const std::vector<std::string_view>& words) {
  std::vector<ArgumentSpec> out;
  std::optional<std::string_view> token;
  for (const std::string_view word : words) {
    if (is_token(word)) {
      token = word;
      continue;
    }
    ArgumentSpec& argument = out.emplace_back();
    argument.name = word;
    argument.token = token.value_or("");
    token.reset();
  }
  if (token) out.emplace_back().token = *token;
  return out;
}

// A group in brackets that ends in "...": the same as stands before it, again and again; or more of its own.
void repeat(std::vector<ArgumentSpec>& out, std::vector<ArgumentSpec> group) {
  const std::size_t size = group.size();
  const bool again = out.size() >= size && std::equal(group.begin(), group.end(), out.end() - static_cast<std::ptrdiff_t>(size));
  if (again) out.resize(out.size() - size);
  ArgumentSpec repeated;
  if (size == 1) {
    repeated = group.front();
  } else {
    repeated.block = std::move(group);
  }
  repeated.multiple = true;
  repeated.optional = !again;
  out.push_back(std::move(repeated));
}

void answer_arguments(RespWriter& out, const std::vector<ArgumentSpec>& arguments);

void answer_argument(RespWriter& out, const ArgumentSpec& argument) {
  const bool block = !argument.block.empty();
  const bool pure_token = argument.name.empty() && !block;
  out.map(2 + (argument.token.empty() ? 0 : 1) + (argument.optional || argument.multiple ? 1 : 0) + (block ? 1 : 0));
  out.bulk("name");
  out.bulk(block ? "data" : pure_token ? argument.token : argument.name);
  out.bulk("type");
  out.bulk(block ? "block" : pure_token ? "pure-token" : argument.name == "key" ? "key" : argument.name == "pattern" ? "pattern" : "string");
  if (!argument.token.empty()) {
    out.bulk("token");
    out.bulk(argument.token);
  }
  if (argument.optional || argument.multiple) {
    out.bulk("flags");
    out.array((argument.optional ? 1 : 0) + (argument.multiple ? 1 : 0));
    if (argument.optional) out.simple("optional");
    if (argument.multiple) out.simple("multiple");
  }
  if (block) {
    out.bulk("arguments");
    answer_arguments(out, argument.block);
  }
}

void answer_arguments(RespWriter& out, const std::vector<ArgumentSpec>& arguments) {
  out.array(arguments.size());
  for (const ArgumentSpec& argument : arguments) answer_argument(out, argument);
}

void answer_docs(RespWriter& out, const CommandSpec& spec) {
  const auto arguments = parse_syntax(spec.syntax);
  out.map(arguments.empty() ? 3 : 4);
  out.bulk("summary");
  out.bulk(spec.summary);
  out.bulk("since");
  out.bulk("1.0.0");
  out.bulk("group");
  out.bulk(spec.group);
  if (arguments.empty()) return;
  out.bulk("arguments");
  answer_arguments(out, arguments);
}

}  // namespace

std::vector<ArgumentSpec> parse_syntax(std::string_view syntax) {
  std::vector<ArgumentSpec> out;
  while (!syntax.empty()) {
    const std::size_t open = std::min(syntax.find('['), syntax.size());
    for (ArgumentSpec& argument : arguments_of(words_of(syntax.substr(0, open)))) out.push_back(std::move(argument));
    syntax.remove_prefix(open);
    if (syntax.empty()) break;
    // Brackets in brackets ("[section [section ...]]") say only that it may be repeated.
    int depth = 0;
    std::size_t end = 0;
    do {
      depth += syntax[end] == '[' ? 1 : syntax[end] == ']' ? -1 : 0;
    } while (++end < syntax.size() && depth > 0);
    std::string_view inner = syntax.substr(1, end - 2);
    syntax.remove_prefix(end);
    const std::size_t again = inner.find('[');
    const bool multiple = inner.find("...") != std::string_view::npos;
    if (again != std::string_view::npos) inner = inner.substr(0, again);
    auto words = words_of(inner);
    std::erase(words, "...");
    auto group = arguments_of(words);
    if (multiple && again == std::string_view::npos) {
      repeat(out, std::move(group));
      continue;
    }
    for (ArgumentSpec& argument : group) {
      argument.optional = true;
      argument.multiple = multiple && &argument == &group.back();
      out.push_back(std::move(argument));
    }
  }
  return out;
}

void answer_command_info(RespWriter& out, const CommandSpec* spec) {
  if (spec == nullptr) return out.null_array();
  out.array(10);
  out.bulk(spec->name);
  out.integer(spec->arity);
  std::vector<std::string_view> flags;
  if (has(spec->flags, CommandFlags::kWrite)) flags.push_back("write");
  if (has(spec->flags, CommandFlags::kReadsOnly)) flags.push_back("readonly");
  if (has(spec->flags, CommandFlags::kStranger)) flags.push_back("no_auth");
  if (has(spec->flags, CommandFlags::kNotInMulti)) flags.push_back("no_multi");
  out.set(flags.size());
  for (const std::string_view flag : flags) out.simple(flag);
  out.integer(spec->first_key);
  out.integer(spec->last_key);
  out.integer(spec->key_step);
  out.set(1);
  out.simple("@" + std::string(spec->group == "generic" ? "keyspace" : spec->group));
  for (int i = 0; i < 3; ++i) out.array(0);  // Tips, key specifications, subcommands.
}

void answer_command_infos(RespWriter& out) {
  out.array(command_table().size());
  for (const CommandSpec& spec : command_table()) answer_command_info(out, &spec);
}

void answer_command_docs(RespWriter& out, const std::vector<std::string_view>& names) {
  std::vector<const CommandSpec*> specs;
  if (names.empty()) {
    for (const CommandSpec& spec : command_table()) specs.push_back(&spec);
  }
  for (const std::string_view name : names) {
    const CommandSpec* spec = find_command(name);  // Unknown ones are left out, as Redis does.
    if (spec != nullptr && std::find(specs.begin(), specs.end(), spec) == specs.end()) specs.push_back(spec);
  }
  out.map(specs.size());
  for (const CommandSpec* spec : specs) {
    out.bulk(spec->name);
    answer_docs(out, *spec);
  }
}

}  // namespace kith::redis
