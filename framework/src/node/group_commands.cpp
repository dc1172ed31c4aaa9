#include <atoll/core/printable_text.hpp>
#include <atoll/node/group_admin.hpp>
#include <atoll/node/group_commands.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace atl::node {

namespace {

constexpr std::uint32_t learning_max_s = 600;

/// What the command line says.
struct arguments {
  std::string name;
  std::uint32_t timeout_s = learning_max_s;
  bool lost = false;
  bool json = false;
};

/// The commands of one service's group.
class group_commands : public std::enable_shared_from_this<group_commands> {
 public:
  group_commands(service_description service, std::function<result<service_address>()> address,
                 std::function<bool()> json, std::function<void(std::function<status()>)> choose)
      : service_{std::move(service)}, address_{std::move(address)}, json_{std::move(json)},
        choose_{std::move(choose)} {}

  void add_to(CLI::App& app) {
    app.require_subcommand(1);
    add_list(app);
    auto& add = add_named(app, "add",
                          "Let a member in: it learns everything first, then votes. The cluster's "
                          "file must name it, with joins = true, and it must be running",
                          [](group_admin& admin, const arguments& given) {
                            return admin.add(given.name, std::chrono::seconds{given.timeout_s});
                          });
    add_timeout(add);
    auto& replace =
        add_named(app, "replace",
                  "Let a member whose disk was lost come back with an empty one: under a new id, "
                  "since what the former disk promised is gone. Start it on the empty disk first",
                  [](group_admin& admin, const arguments& given) {
                    return admin.replace(given.name, std::chrono::seconds{given.timeout_s});
                  });
    add_timeout(replace);
    auto& remove = add_named(app, "remove", "Let a member go, alive or lost",
                             [](group_admin& admin, const arguments& given) {
                               return admin.remove(given.name, given.lost);
                             });
    remove.add_flag(
        "--lost", given_.lost,
        "Your word that its disk is gone: it never comes back under this id. Wanted by a\n"
        "protocol that else waits for the vote of the one that goes");
    add_named(app, "lead", "Let a member lead",
              [](group_admin& admin, const arguments& given) { return admin.lead(given.name); });
  }

 private:
  using order = status (*)(group_admin&, const arguments&);

  void add_list(CLI::App& app) {
    auto* list = app.add_subcommand("list", "Show the group's members, and how far each is");
    if (!json_)
      list->add_flag("--json", given_.json, "Write JSON, where a program might read it");
    list->callback([self = shared_from_this()] {
      self->choose_([self] { return self->run(&group_commands::print_members); });
    });
  }

  CLI::App& add_named(CLI::App& app, const std::string& verb, const std::string& meaning,
                      order carry_out) {
    auto* command = app.add_subcommand(verb, meaning);
    command->add_option("NAME", given_.name, fmt::format("As in [[{}]]", service_.members))
        ->required();
    command->callback([self = shared_from_this(), carry_out] {
      self->choose_([self, carry_out] {
        return self->run([self, carry_out](group_admin& admin) -> status {
          return carry_out(admin, self->given_);
        });
      });
    });
    return *command;
  }

  void add_timeout(CLI::App& command) {
    command.add_option("--timeout", given_.timeout_s, "Seconds to wait until it knows everything")
        ->capture_default_str();
  }

  /// Connects to the service.
  status run(const std::function<status(group_admin&)>& what) {
    auto to = address_();
    if (!to)
      return tl::unexpected{to.error()};
    service_connection connection{*to};
    group_admin admin{make_group_link(*connection, to->members, service_.name),
                      {service_, to->members,
                       [](std::string_view done) { fmt::print("{}\n", printable(done)); },
                       [](std::string_view note) { fmt::print(stderr, "{}\n", printable(note)); }}};
    auto outcome = what(admin);
    if (!outcome && outcome.error().code == errc::unavailable && !to->advice.empty())
      return fail(errc::unavailable, fmt::format("{}; {}", outcome.error().message, to->advice));
    return outcome;
  }
  status run(status (group_commands::*what)(group_admin&)) {
    return run([this, what](group_admin& admin) { return (this->*what)(admin); });
  }

  status print_members(group_admin& admin) {
    auto group = admin.overview();
    if (!group)
      return tl::unexpected{group.error()};
    auto as_json = json_ ? json_() : given_.json;
    fmt::print("{}", as_json ? members_json(*group) + '\n' : members_table(*group));
    return {};
  }

  const service_description service_;
  const std::function<result<service_address>()> address_;
  const std::function<bool()> json_;
  const std::function<void(std::function<status()>)> choose_;
  arguments given_;
};

} // namespace

void add_group_commands(CLI::App& app, const service_description& service,
                        std::function<result<service_address>()> address,
                        std::function<void(std::function<status()>)> choose,
                        std::function<bool()> json) {
  std::make_shared<group_commands>(service, std::move(address), std::move(json), std::move(choose))
      ->add_to(app);
}

} // namespace atl::node
