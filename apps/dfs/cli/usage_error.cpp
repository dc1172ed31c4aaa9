#include "cli/usage_error.hpp"

#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <vector>

namespace dfs::cli {

namespace {

/// The subcommand that was chosen last, or the program itself.
const CLI::App& chosen(const CLI::App& app) {
  auto* at = &app;
  while (!at->get_subcommands().empty())
    at = at->get_subcommands().back();
  return *at;
}

std::string words_of(const CLI::App& at) {
  auto* parent = at.get_parent();
  return parent ? words_of(*parent) + " " + at.get_name() : at.get_name();
}

std::vector<std::string> commands_of(const CLI::App& at) {
  std::vector<std::string> names;
  for (auto* command : at.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// The options that may stand there: the subcommand's own, and the program's.
std::vector<std::string> options_of(const CLI::App& at) {
  std::vector<std::string> names;
  for (auto* app = &at; app != nullptr; app = app->get_parent())
    for (auto* option : app->get_options())
      for (auto& name : option->get_lnames())
        names.push_back("--" + name);
  return names;
}

std::string explain_unknown(const CLI::App& at, const std::string& word) {
  if (word.size() > 1 && word.starts_with('-')) {
    auto option = word.substr(0, word.find('='));
    return fmt::format("unknown option '{}'{}", option, atl::did_you_mean(option, options_of(at)));
  }
  auto commands = commands_of(at);
  if (commands.empty())
    return fmt::format("unexpected argument '{}'", word);
  return fmt::format("unknown command '{}'{}", word, atl::did_you_mean(word, commands));
}

/// What went wrong, without how to get help.
std::string reason(const CLI::App& app, const CLI::App& at, const CLI::ParseError& problem) {
  auto is_about_words = dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr ||
                        dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr;
  if (is_about_words)
    for (auto& word : app.remaining(true))
      if (word != "--")
        return explain_unknown(at, word);
  auto commands = commands_of(at);
  if (dynamic_cast<const CLI::RequiredError*>(&problem) && !commands.empty())
    return fmt::format("which command? There are {}", fmt::join(commands, ", "));
  return problem.what();
}

} // namespace

std::string explain(const CLI::App& app, const CLI::ParseError& problem) {
  auto& at = chosen(app);
  return fmt::format("{} ('{} --help' says more)", reason(app, at, problem), words_of(at));
}

} // namespace dfs::cli
