#include "dispatcher_actor.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/dispatcher.hpp>
#include <atoll/runtime/system.hpp>

#include <future>
#include <utility>

namespace atl::runtime {

dispatcher::dispatcher(system& actors, settings given)
    : actors_{actors}, latest_{std::make_shared<latest_value<dispatcher_status>>()},
      worker_{actors->spawn<dispatcher_actor>(std::move(given), latest_)} {}

dispatcher::~dispatcher() {
  caf::scoped_actor self{*actors_};
  self->send_exit(worker_, caf::exit_reason::user_shutdown);
  self->wait_for(worker_);
}

void dispatcher::set_workers(std::vector<dispatcher_worker> workers) {
  tell_from_outside(worker_, set_dispatcher_workers{std::move(workers)});
}

void dispatcher::send(std::shared_ptr<dispatch_order> order, message_kind kind, std::string body,
                      dispatch_terms terms) {
  order->kind = kind;
  order->body = std::move(body);
  order->terms = terms;
  tell_from_outside(worker_, dispatch_order_message{std::move(order)});
}

void dispatcher::ask(message_kind kind, std::string body, dispatch_terms terms, completion done) {
  auto order = std::make_shared<dispatch_order>();
  order->done = std::move(done);
  send(std::move(order), kind, std::move(body), terms);
}

result<std::string> dispatcher::ask(message_kind kind, std::string body, dispatch_terms terms) {
  std::promise<result<std::string>> answer;
  ask(kind, std::move(body), terms, [&](auto outcome) { answer.set_value(std::move(outcome)); });
  return answer.get_future().get();
}

void dispatcher::tell(message_kind kind, std::string body, dispatch_terms terms) {
  ask(kind, std::move(body), terms, nullptr);
}

void dispatcher::defer(message_kind kind, std::string body, dispatch_terms terms,
                       std::function<void()> accepted, completion done) {
  auto order = std::make_shared<dispatch_order>();
  order->type = dispatch_type::job;
  order->accepted = std::move(accepted);
  order->done = std::move(done);
  send(std::move(order), kind, std::move(body), terms);
}

dispatcher_status dispatcher::status() const {
  dispatcher_status status;
  caf::scoped_actor self{*actors_};
  self->request(worker_, caf::infinite, get_dispatcher_status{})
      .receive([&](dispatcher_status& answer) { status = std::move(answer); },
               [](const caf::error&) {});
  return status;
}

dispatcher_status dispatcher::latest_status() const {
  return latest_->get();
}

} // namespace atl::runtime
