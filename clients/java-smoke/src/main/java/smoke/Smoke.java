package smoke;

import gateway.ApiClient;
import gateway.ApiException;
import gateway.ApiResponse;
import gateway.api.ClaimsBalancesCreditsApi;
import gateway.api.TripsApi;
import gateway.model.*;
import java.io.IOException;
import java.net.http.HttpClient;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Objects;

/** Plays one rider's morning against a running gateway, through the generated client, and says what was not as expected. */
public final class Smoke {
  private static final String PROGRAMME = "demo";

  private final ApiClient client;
  private final TripsApi trips;
  private final ClaimsBalancesCreditsApi credits;
  /** New for every run, so that a gateway can be asked again and again. */
  private final String user = Long.toString(System.currentTimeMillis());
  private final OffsetDateTime now = OffsetDateTime.now();

  private Smoke(String url, String key) {
    // Left to itself the JDK offers HTTP/2 with each request, and takes a connection that ends after the answer for one that stays.
    HttpClient.Builder http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
    client = new ApiClient().setHttpClientBuilder(http);
    client.setReadTimeout(Duration.ofSeconds(20)).setConnectTimeout(Duration.ofSeconds(5));
    client.updateBaseUri(url);
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + key));
    trips = new TripsApi(client);
    credits = new ClaimsBalancesCreditsApi(client);
  }

  public static void main(String[] arguments) {
    try {
      Smoke smoke = new Smoke(setting("GATEWAY_URL"), setting("GATEWAY_KEY"));
      smoke.trips();
      smoke.value();
      smoke.batch();
    } catch (Unexpected | ApiException | IOException e) {
      System.err.println("FAILED: " + e.getMessage());
      System.exit(1);
    }
  }

  /** A trip is booked, answered again when it is sent again, and kept from being overwritten. */
  private void trips() throws ApiException, IOException {
    // Not ASCII, and a slash: both must survive bodies and paths.
    NewTrip trip = trip("骑行/" + user, "metro", 40, 8_550L);
    ApiResponse<Trip> booked = trips.bookTripWithHttpInfo(trip);
    expect("status of a new trip", 201, booked.getStatusCode());
    expect("its name", trip.getTripId(), booked.getData().getTripId());
    expect("its outcome", Outcome.CREDITED, booked.getData().getOutcome());
    expect("its grams", "400.14", booked.getData().getAmount());
    expect("its claim", TripClaim.StateEnum.WAITING, booked.getData().getClaim().getState());
    say("booked: 400.14 g");

    ApiResponse<Trip> again = trips.bookTripWithHttpInfo(trip);
    expect("status of the same trip", 200, again.getStatusCode());
    expect("Idempotent-Replayed", List.of("true"), again.getHeaders().get("idempotent-replayed"));
    expect("the answer", booked.getData(), again.getData());
    expect("the trip by its name", booked.getData(), trips.readTrip(user, trip.getTripId(), null));
    say("replayed: the same trip, counted once");

    NewTrip other = trip(trip.getTripId(), "metro", 40, 9_000L);
    Problem conflict = problem(409, ProblemCode.TRIP_CONFLICT, () -> trips.bookTrip(other));
    expect("the field that differs", "/legs/0/distance_m", conflict.getErrors().get(0).getPointer());
    say("conflict: trip_conflict at /legs/0/distance_m");
  }

  /** What waits becomes a credit, and part of it is spent, each order once; more than there is cannot be spent. */
  private void value() throws ApiException, IOException {
    CollectClaimsRequest all = new CollectClaimsRequest(new CollectAll().programme(PROGRAMME).all(CollectAll.AllEnum.TRUE));
    ApiResponse<Collected> collected = credits.collectClaimsWithHttpInfo(user, "collect-" + user, all);
    expect("status of a collection", 201, collected.getStatusCode());
    expect("claims collected", 1L, collected.getData().getCollected());
    expect("grams collected", "400.14", collected.getData().getAmount());
    say("collected: 400.14 g");

    ApiResponse<Redemption> spent = credits.redeemWithHttpInfo("order-" + user, order("150"));
    expect("status of a redemption", 201, spent.getStatusCode());
    expect("the credit spent", List.of(collected.getData().getCredits().get(0).getCreditId()), spent.getData().getInputs());
    expect("the change", "250.14", spent.getData().getChange().getAmount());
    ApiResponse<Redemption> again = credits.redeemWithHttpInfo("order-" + user, order("150"));
    expect("Idempotent-Replayed", List.of("true"), again.getHeaders().get("idempotent-replayed"));
    expect("the order sent again", spent.getData().getRedemptionId(), again.getData().getRedemptionId());
    say("redeemed: 150 g, 250.14 g of change");

    Problem little = problem(422, ProblemCode.INSUFFICIENT, () -> credits.redeem("more-" + user, order("1000")));
    expect("available", "250.14", little.getAvailable());
    expect("missing", "749.86", little.getMissing());
    say("insufficient: 250.14 g available, 749.86 g missing");

    Problem wrong = problem(422, ProblemCode.INVALID_FIELD, () -> credits.redeem("none-" + user, order("0")));
    expect("the wrong field", "/amount", wrong.getErrors().get(0).getPointer());
    say("invalid: invalid_field at /amount");
  }

  /** Of a batch each trip has its own answer. */
  private void batch() throws ApiException {
    NewTrips two = new NewTrips().addTripsItem(trip("B-1", "bus_electric", 80, 3_000L)).addTripsItem(trip("B-2", "ferry", 120, 3_000L));
    List<BookedTripsResultsInner> results = trips.bookTrips(two).getResults();
    expect("the first of the batch", "B-1", results.get(0).getBookedItem().getTrip().getTripId());
    expect("the second of the batch", ProblemCode.UNKNOWN_MODE, results.get(1).getFailedItem().getProblem().getCode());
    say("batch: one booked, one unknown_mode");
  }

  /** A trip of one leg of half an hour. */
  private NewTrip trip(String id, String mode, long minutesAgo, Long metres) {
    OffsetDateTime start = now.minusMinutes(minutesAgo);
    NewLeg leg = new NewLeg().mode(mode).startedAt(start).endedAt(start.plusMinutes(30)).distanceM(metres);
    return new NewTrip().programme(PROGRAMME).tripId(id).userId(new GivenUserId(user)).addLegsItem(leg);
  }

  private NewRedemption order(String amount) {
    return new NewRedemption().userId(new GivenUserId(user)).programme(PROGRAMME).amount(amount).reference("order-881");
  }

  /** The problem document that a call must be answered with. */
  private Problem problem(int status, ProblemCode code, Call call) throws IOException {
    try {
      call.run();
    } catch (ApiException e) {
      if (e.getCode() == 0) {
        throw new IOException(e); // No answer at all.
      }
      expect("status of " + code, status, e.getCode());
      Problem problem = client.getObjectMapper().readValue(e.getResponseBody(), Problem.class);
      expect("code of the problem", code, problem.getCode());
      return problem;
    }
    throw new Unexpected("expected " + code + ", got an answer without a problem");
  }

  private static void expect(String what, Object wanted, Object got) {
    if (!Objects.equals(wanted, got)) {
      throw new Unexpected(what + ": expected " + wanted + ", got " + got);
    }
  }

  private static void say(String step) {
    System.out.println(step);
  }

  private static String setting(String name) {
    String value = System.getenv(name);
    if (value == null || value.isBlank()) {
      throw new Unexpected(name + " is not set");
    }
    return value.strip();
  }

  private interface Call {
    void run() throws ApiException;
  }

  private static final class Unexpected extends RuntimeException {
    Unexpected(String message) {
      super(message);
    }
  }
}
