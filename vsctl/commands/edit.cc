#include "vsctl/commands/edit.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spawn.h>

#include "vsctl/client/fields.h"
#include "vsctl/commands/changes.h"
#include "vsctl/commands/kinds.h"
#include "vsctl/commands/patch.h"
#include "vsctl/output/diff.h"
#include "vsctl/output/text.h"
#include "vsctl/output/yaml.h"

namespace vs::ctl {
namespace {

namespace fs = std::filesystem;

constexpr char kRemark = '#';  // begins lines that YAML does not read

// A file for this user alone, that goes when we do, unless it is kept.
class Draft {
 public:
  static Outcome<Draft> make() {
    const char* directory = std::getenv("TMPDIR");
    std::string path = fmt::format("{}/vsctl-XXXXXX.yaml", directory == nullptr ? "/tmp" : directory);
    const int fd = ::mkstemps(path.data(), 5);
    if (fd < 0)
      return give_up(ExitCode::internal, fmt::format("{}: {}", path, std::generic_category().message(errno)));
    ::close(fd);
    return Draft(std::move(path));
  }
  Draft(Draft&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Draft& operator=(Draft&&) = delete;
  ~Draft() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool write(const std::string& text) const {
    std::ofstream file(path_, std::ios::trunc);
    file << text;
    return static_cast<bool>(file.flush());
  }
  [[nodiscard]] std::string read() const {
    std::ifstream file(path_);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::string keep() { return std::exchange(path_, {}); }

 private:
  explicit Draft(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string editor() {
  for (const char* name : {"VSCTL_EDITOR", "VISUAL", "EDITOR"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  return "vi";
}

// As git does: the variable is a command line of the user's own.
Outcome<> run_editor(const std::string& path) {
  const std::string command = editor() + " \"$1\"";
  std::vector<std::string> words{"sh", "-c", command, "vsctl", path};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  int status = ::posix_spawnp(&pid, "sh", nullptr, nullptr, argv.data(), environ);
  if (status != 0)
    return give_up(ExitCode::internal, "start the editor: " + std::generic_category().message(status));
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return give_up(ExitCode::invalid, fmt::format("the editor `{}` failed", editor()));
}

std::string as_remarks(const std::string& text) {
  std::string lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines += line.empty() ? fmt::format("{}\n", kRemark) : fmt::format("{} {}\n", kRemark, line);
  return lines;
}

// What we put on top goes; remarks of the user's own, further down, stay.
std::string without_heading(const std::string& text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] == kRemark) {
    const std::size_t end = text.find('\n', at);
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return text.substr(at);
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

// Why the text was refused, for the top of it: a line for each problem, with the line it is on now,
// below the heading that this makes.
std::string refusal_heading(const Failure& failure) {
  const std::size_t lines = failure.problems.size() + 2;
  std::string heading;
  for (const Problem& problem : failure.problems) {
    const std::string place =
        problem.line > 0 ? fmt::format("line {}, column {}", static_cast<std::size_t>(problem.line) + lines, problem.column)
                         : problem.pointer;
    heading += printable(fmt::format("{}{}{}{}", place, place.empty() ? "" : ": ", problem.message,
                                     problem.hint.empty() ? "" : fmt::format(" ({})", problem.hint))) +
               "\n";
  }
  return as_remarks(heading + printable(failure.message) +
                    "\nNothing was changed. Edit on, or leave this text as it is to give up.\n");
}

// What the text would change of what is there now: when somebody else was faster, also what it would
// take back of theirs. Empty when that cannot be told.
std::string changes_heading(Session& session, const std::string& object, const std::string& edited) {
  const auto answer = session.daemon.diff({{.name = "the text", .text = edited}}, "");
  if (!answer) return "";
  std::string lines;
  for (const nlohmann::json& change : field(*answer, "changes"))
    lines += unified_diff(object, text(change, "action"), field(change, "differences"), false);
  return as_remarks("Saving this text would change, of what is there now:\n" + lines);
}

std::string first_heading(const std::string& object, const nlohmann::json& now) {
  return as_remarks(fmt::format("{} at version {}. Saving changes it; leaving this text as it is does not.\n", object,
                                text(field(now, "metadata"), "resourceVersion")));
}

// Ends it without a change; what somebody wrote is not lost.
tl::unexpected<Failure> keep_and_give_up(Draft& draft, Failure failure) {
  failure.message += "; nothing was changed, your text is kept in " + draft.keep();
  return give_up(std::move(failure));
}

Outcome<ExitCode> unchanged(Session& session, const std::string& object) {
  if (!session.quiet) session.err << object << " unchanged\n";
  return ExitCode::ok;
}

// May be mended in the editor.
bool is_for_the_editor(const Failure& failure) {
  return failure.exit == ExitCode::invalid || failure.exit == ExitCode::conflict;
}

}  // namespace

Outcome<ExitCode> edit(Session& session, const EditOptions& options) {
  const auto kind = parse_kind(options.kind);
  if (!kind) return give_up(kind.error());
  auto draft = Draft::make();
  if (!draft) return give_up(std::move(draft.error()));
  const std::string object = object_name(kind->kind, options.name);
  std::optional<Failure> refused;  // the last try
  std::string edited;              // in that try
  std::string meanwhile;           // what others did before it
  while (true) {
    session.daemon.renew_deadline();
    const auto now = session.daemon.get_tagged(kind->plural, options.name);
    if (!now) return refused ? keep_and_give_up(*draft, now.error()) : give_up(now.error());
    session.daemon.hang_up();  // an editor may stay open for hours
    const std::string shown = refused ? refusal_heading(*refused) + meanwhile + edited
                                      : first_heading(object, now->object) + to_yaml(declared_part(now->object));
    if (!draft->write(shown)) return give_up(ExitCode::internal, draft->path() + ": cannot be written");
    auto ran = run_editor(draft->path());
    const std::string saved = draft->read();
    if (!ran && (refused || saved != shown)) return keep_and_give_up(*draft, std::move(ran.error()));
    if (!ran) return give_up(ran.error().exit, ran.error().message + "; nothing was changed");
    if (saved == shown) return refused ? keep_and_give_up(*draft, std::move(*refused)) : unchanged(session, object);
    edited = without_heading(saved);
    if (is_blank(edited)) return give_up(ExitCode::invalid, "the text is empty: nothing was changed");
    session.daemon.renew_deadline();
    const auto answer = session.daemon.replace_yaml(kind->plural, options.name, edited, now->tag);
    if (answer) {
      session.out << (for_people(session.format) ? describe_changes(*answer, false) : render(*answer, session.format));
      return ExitCode::ok;
    }
    if (!is_for_the_editor(answer.error())) return keep_and_give_up(*draft, answer.error());
    refused = answer.error();
    meanwhile = refused->exit == ExitCode::conflict ? changes_heading(session, object, edited) : "";
  }
}

}  // namespace vs::ctl
