#include "client_actor.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/group_client.hpp>
#include <atoll/runtime/system.hpp>

#include <future>

namespace atl::runtime {

struct group_client::shared {
  std::shared_ptr<client_inbox> inbox = std::make_shared<client_inbox>();
  caf::actor worker;
  std::size_t members = 0;

  void add(client_request request) {
    if (inbox->add(std::move(request)))
      tell_from_outside(worker, calls_wait{});
  }
};

group_client::group_client(system& actors, settings given) : shared_{std::make_shared<shared>()} {
  shared_->members = given.members.size();
  shared_->worker = spawn_on_io_thread<client_actor>(*actors, std::move(given), shared_->inbox);
}

group_client::~group_client() {
  caf::anon_send_exit(shared_->worker, caf::exit_reason::user_shutdown);
  shared_->worker = nullptr;
}

void group_client::call(message_kind kind, std::string body, completion done) {
  auto any = kind == message_kind::local_query;
  shared_->add({kind, std::move(body), std::move(done), {}, any});
}

void group_client::call_any(message_kind kind, std::string body, completion done) {
  shared_->add({kind, std::move(body), std::move(done), {}, true});
}

result<std::string> group_client::call_any(message_kind kind, std::string body) {
  std::promise<result<std::string>> answer;
  call_any(kind, std::move(body), [&](auto it) { answer.set_value(std::move(it)); });
  return answer.get_future().get();
}

result<std::string> group_client::call(message_kind kind, std::string body) {
  std::promise<result<std::string>> answer;
  call(kind, std::move(body), [&](auto it) { answer.set_value(std::move(it)); });
  return answer.get_future().get();
}

std::vector<result<std::string>> group_client::call_each(message_kind kind,
                                                         const std::string& body) {
  std::vector<std::promise<result<std::string>>> answers(shared_->members);
  for (std::size_t i = 0; i < answers.size(); ++i)
    shared_->add(
        {kind, body, [&answers, i](auto it) { answers[i].set_value(std::move(it)); }, i, false});
  std::vector<result<std::string>> all;
  all.reserve(answers.size());
  for (auto& it : answers)
    all.push_back(it.get_future().get());
  return all;
}

std::string group_client::leader() const {
  return shared_->inbox->leader();
}

} // namespace atl::runtime
