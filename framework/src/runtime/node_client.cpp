#include "node_client_actor.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_client.hpp>
#include <atoll/runtime/system.hpp>

#include <future>
#include <utility>

namespace atl::runtime {

namespace {

std::shared_ptr<node_caller> make_caller(node_client::completion done,
                                         std::function<void()> accepted = nullptr) {
  auto caller = std::make_shared<node_caller>();
  caller->done = std::move(done);
  caller->accepted = std::move(accepted);
  return caller;
}

} // namespace

node_client::node_client(system& actors, settings given)
    : worker_{spawn_on_io_thread<node_client_actor>(*actors, std::move(given))} {}

node_client::~node_client() {
  caf::anon_send_exit(worker_, caf::exit_reason::user_shutdown);
}

void node_client::ask(const endpoint& where, std::string role, message_kind kind, std::string body,
                      completion done) {
  tell_from_outside(worker_, node_call{where, node_call_type::request, kind, std::move(role),
                                       std::move(body), make_caller(std::move(done))});
}

result<std::string> node_client::ask(const endpoint& where, std::string role, message_kind kind,
                                     std::string body) {
  std::promise<result<std::string>> answer;
  ask(where, std::move(role), kind, std::move(body),
      [&](auto outcome) { answer.set_value(std::move(outcome)); });
  return answer.get_future().get();
}

void node_client::tell(const endpoint& where, std::string role, message_kind kind, std::string body,
                       completion sent) {
  tell_from_outside(worker_, node_call{where, node_call_type::one_way, kind, std::move(role),
                                       std::move(body), make_caller(std::move(sent))});
}

void node_client::defer(const endpoint& where, std::string role, message_kind kind,
                        std::string body, std::function<void()> accepted, completion done) {
  tell_from_outside(worker_,
                    node_call{where, node_call_type::deferred, kind, std::move(role),
                              std::move(body), make_caller(std::move(done), std::move(accepted))});
}

result<node_status> node_client::status(const endpoint& where) {
  return ask(where, {}, message_kind::status, {}).and_then([](const std::string& bytes) {
    return decode_node_status(bytes);
  });
}

result<std::vector<plugin_entry>> node_client::inventory(const endpoint& where) {
  return ask(where, {}, message_kind::inventory, {}).and_then([](const std::string& bytes) {
    return decode_inventory(bytes);
  });
}

result<metric_set> node_client::metrics(const endpoint& where) {
  return ask(where, {}, message_kind::metrics, {}).and_then([](const std::string& bytes) {
    return decode_metrics(bytes);
  });
}

} // namespace atl::runtime
