/** A Worker that changes nothing: what every Worker in front of a shop costs. */
export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(env.ORIGIN + pathname + search, request);
  },
};
