#include "node/config_flags.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>

namespace kith {

std::variant<Flags, ConfigExit> parse_flags(const std::vector<FlagSpec>& specs, const std::vector<std::string>& arguments) {
  const auto usage = [](const std::string& what) {
    return ConfigExit{2, "kithd: " + what + "\nRun kithd --help for what there is.\n"};
  };

  // Its help and its exit codes are not ours: help is an ordinary flag here, and every error of its is our code 2.
  CLI::App app;
  app.set_help_flag();
  struct Bound {
    const FlagSpec* spec = nullptr;
    CLI::Option* option = nullptr;
    std::vector<std::string> values;
    bool given = false;
  };
  std::deque<Bound> bound;  // Its elements stay where they are.
  for (const FlagSpec& spec : specs) {
    Bound& at = bound.emplace_back();
    at.spec = &spec;
    at.option = spec.takes == FlagSpec::Takes::kNothing
                    ? app.add_flag("--" + spec.name, at.given)
                    : app.add_option("--" + spec.name, at.values)->allow_extra_args(false)->multi_option_policy(
                          CLI::MultiOptionPolicy::TakeAll);
  }
  // CLI11 takes it for the end of all flags, and what is behind it for something else.
  if (std::find(arguments.begin(), arguments.end(), "--") != arguments.end()) return usage("it takes flags only, and -- is none");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ExtrasError&) {
    // CLI11 says only that something was left over; we say what, and what was probably meant.
    std::vector<std::string> known;
    for (const FlagSpec& spec : specs) known.push_back("--" + spec.name);
    for (const std::string& argument : arguments) {
      const std::string name = argument.substr(0, argument.find('='));
      if (!name.starts_with('-') || std::find(known.begin(), known.end(), name) != known.end()) continue;
      const auto meant = nearest(name, known);
      return usage("there is no flag " + name + (meant ? "; did you mean " + *meant + "?" : ""));
    }
    return usage("it takes flags only; something else stands among them");
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }

  Flags out;
  for (Bound& at : bound) {
    if (at.option->count() == 0) continue;
    if (at.spec->takes == FlagSpec::Takes::kNothing) {
      out[at.spec->name] = {at.given ? "true" : "false"};
    } else if (at.spec->takes == FlagSpec::Takes::kValues) {
      out[at.spec->name] = std::move(at.values);
    } else {
      out[at.spec->name] = {at.values.back()};
    }
  }
  return out;
}

}  // namespace kith
