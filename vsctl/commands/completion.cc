#include "vsctl/commands/completion.h"

#include <fmt/format.h>

namespace vs::ctl {
namespace {

// A candidate that begins with ":" is an instruction (complete.h). __complete gets the words up to
// the cursor.
constexpr const char* kBash = R"bash(# Completion of vsctl for bash: source <(vsctl completion bash)
_vsctl() {
  local word=${COMP_WORDS[COMP_CWORD]#=} candidate
  COMPREPLY=()
  while IFS= read -r candidate; do
    case $candidate in
      :files) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames 2>/dev/null ;;
      :commands) mapfile -t COMPREPLY < <(compgen -c -- "$word") ;;
      "$word"*) COMPREPLY+=("$candidate") ;;
    esac
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _vsctl vsctl
)bash";

constexpr const char* kZsh = R"zsh(#compdef vsctl
# Completion of vsctl for zsh: source <(vsctl completion zsh)
# or save it as _vsctl in a directory of $fpath.
_vsctl() {
  local -a candidates
  candidates=(${(f)"$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  case ${candidates[1]} in
    :files) _files ;;
    :commands) _command_names ;;
    *) compadd -a candidates ;;
  esac
}
if [ "$funcstack[1]" = _vsctl ]; then _vsctl; else compdef _vsctl vsctl; fi
)zsh";

constexpr const char* kFish = R"fish(# Completion of vsctl for fish: vsctl completion fish | source
# or save it as vsctl.fish in ~/.config/fish/completions.
function __vsctl_candidates
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    for candidate in ($typed[1] __complete $typed[2..-1] "$current" 2>/dev/null)
        switch $candidate
            case ':files'
                __fish_complete_path "$current"
            case ':commands'
                complete -C "$current"
            case '*'
                echo $candidate
        end
    end
end
complete -c vsctl -f -a '(__vsctl_candidates)'
)fish";

}  // namespace

Outcome<std::string> completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  return give_up(ExitCode::invalid, fmt::format("no completion for \"{}\": bash, zsh or fish", shell));
}

}  // namespace vs::ctl
