#include "tests/tools/kith_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/node/temporary_directory.h"

extern char** environ;

namespace kith {

KithRun run_kith(const std::vector<std::string>& arguments, const KithInput& input) { return run_program(KITH_PATH, arguments, input); }

KithRun run_program(const std::string& path, const std::vector<std::string>& arguments, const KithInput& input) {
  // Through files: a pipe would have to be read and written at the same time.
  const TemporaryDirectory directory;
  const std::string in = directory.write("in", input.standard_input);
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("KITH_") && !text.starts_with("HOME=")) kept.emplace_back(text);
  }
  kept.push_back("HOME=" + directory.path());
  for (const auto& [name, value] : input.environment) kept.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (std::string& entry : kept) environment.push_back(entry.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, (directory / "out").c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, (directory / "err").c_str(), O_WRONLY | O_CREAT, 0600);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot start " + path);
  int status = 0;
  waitpid(pid, &status, 0);
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .out = read_file(directory / "out"),
          .err = read_file(directory / "err")};
}

}  // namespace kith
