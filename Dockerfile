# The relay in a container: built in one stage; the other holds the package, without compiler or sources. With --build-arg PG=1 it
# knows PostgreSQL, too.
FROM debian:12-slim AS build
ARG PG=
WORKDIR /src
COPY scripts/install_deps.sh scripts/
RUN scripts/install_deps.sh --web ${PG:+--postgres} \
    && apt-get install -y -qq --no-install-recommends python3
COPY . .
ARG SOURCE_DATE_EPOCH=0
RUN scripts/package_private_relay.sh --output /dist

FROM debian:12-slim
ARG PG=
WORKDIR /opt/webchat-relay
COPY scripts/install_deps.sh scripts/
RUN scripts/install_deps.sh --runtime ${PG:+--postgres} \
    && apt-get install -y -qq --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /opt/webchat-relay --shell /usr/sbin/nologin webchat-relay
COPY --from=build /dist/webchat-private-relay/ ./
COPY scripts/docker_entrypoint.sh scripts/
# New volumes take owner and mode from here.
RUN install -d -o webchat-relay -g webchat-relay -m 0700 relay/data relay/pchat_uploads \
    && install -d -o webchat-relay -g webchat-relay -m 0755 relay/run
ENV PATH=/opt/webchat-relay/build:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    WEBCHAT_STRICT_PORT=1
VOLUME ["/opt/webchat-relay/relay/data", "/opt/webchat-relay/relay/pchat_uploads"]
EXPOSE 5110
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["/opt/webchat-relay/scripts/docker_entrypoint.sh", "health"]
ENTRYPOINT ["/opt/webchat-relay/scripts/docker_entrypoint.sh"]
